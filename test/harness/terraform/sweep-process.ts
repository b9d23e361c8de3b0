/** A sweep in a process that can be killed: prints a line for each event. Arguments: a tree's directory, the command. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { childEnvironment } from '@holdfast/collector/sweep/core/child-environment';
import { runSweep } from '@holdfast/collector/sweep/run-sweep';
import { defaultSweepLimits } from '@holdfast/collector/sweep/sweep-request';

const [directory = '', command = ''] = process.argv.slice(2);
const root = join(directory, 'infra');
await runSweep(
  {
    root,
    stacks: readdirSync(root).map((stack) => ({ stack, excludedBecause: null })),
    command: JSON.parse(command) as string[],
    environment: childEnvironment(process.env, ['PATH', 'HOME']),
    workDirectory: join(directory, 'work'),
    runAs: null,
    limits: { ...defaultSweepLimits, concurrency: 2 },
    hints: new Map(),
    rules: [],
    salt: 'salt of the tests',
  },
  {
    clock: Date.now,
    refreshCheckout: async () => undefined,
    credentials: async () => ({ environment: {}, secrets: [] }),
    onProgress: (event) =>
      console.log(event.kind, 'stack' in event ? event.stack : 'result' in event ? event.result.stack : ''),
    signal: new AbortController().signal,
  },
);

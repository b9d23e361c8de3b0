#!/usr/bin/env node
import { hostname } from 'node:os';
import { runProgram } from './commands/program.ts';
import { Interruption } from './commands/surroundings.ts';

const stop = new AbortController();

for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(exitCode);
    stop.abort(new Interruption(exitCode));
  });
}

const { env: environment, stdout, stderr } = process;
// Not awaited at the top level: the bundle is CommonJS.
void runProgram(process.argv.slice(2), {
  environment,
  hostname: hostname(),
  stdout,
  stderr,
  signal: stop.signal,
}).then((exitCode) => process.exit(exitCode));

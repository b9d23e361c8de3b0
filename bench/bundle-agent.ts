/** The agent as it ships: one CommonJS file. From the sources Node's type stripper is in memory too, which no node pays for. */
import { join } from 'node:path';
import { build } from 'esbuild';

const source = join(import.meta.dirname, '../packages/agent/src');

export async function bundleAgent(directory: string): Promise<string> {
  const options = {
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'error',
  } as const;
  const worker = await build({
    ...options,
    entryPoints: [join(source, 'io/hash/hash-worker.ts')],
    write: false,
  });
  const outfile = join(directory, 'agent.cjs');
  await build({
    ...options,
    entryPoints: [join(source, 'main.ts')],
    outfile,
    // CommonJS has no import.meta, and node-cron asks for it when it is loaded.
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    define: {
      'import.meta.url': 'bundleUrl',
      HOLDFAST_HASH_WORKER_SOURCE: JSON.stringify(worker.outputFiles[0]!.text),
    },
  });
  return outfile;
}

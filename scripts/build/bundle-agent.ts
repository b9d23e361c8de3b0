/** The agent as it ships: one CommonJS file. From the sources Node's type stripper is in memory too, which no node pays for. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { bundleOptions, repositoryRoot } from './bundle-options.ts';

export interface Bundle {
  readonly file: string;
  /** Source files that went in, from the root of the repository. */
  readonly inputs: readonly string[];
}

export async function bundleAgent(directory: string, commit: string | null = null): Promise<Bundle> {
  const source = join(repositoryRoot, 'packages/agent/src');
  const options = bundleOptions(commit);
  const worker = await build({
    ...options,
    entryPoints: [join(source, 'io/hash/hash-worker.ts')],
    outfile: join(directory, 'hash-worker.cjs'),
    write: false,
  });
  const file = join(directory, 'agent.cjs');
  const { metafile } = await build({
    ...options,
    entryPoints: [join(source, 'main.ts')],
    outfile: file,
    // A worker started from a file of its own would be missing beside a single executable.
    define: {
      ...options.define,
      HOLDFAST_HASH_WORKER_SOURCE: JSON.stringify(worker.outputFiles[0]!.text),
    },
  });
  return { file, inputs: Object.keys({ ...metafile.inputs, ...worker.metafile.inputs }) };
}

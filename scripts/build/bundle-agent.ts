/** The agent as it ships: one CommonJS file. From the sources Node's type stripper is in memory too, which no node pays for. */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
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
  const { metafile, outputFiles } = await build({
    ...options,
    entryPoints: [join(source, 'main.ts')],
    // The map names sources from where the bundle is said to lie: the same, wherever this is built into.
    outfile: join(repositoryRoot, 'dist/agent.cjs'),
    write: false,
    // For the size and the start of the executable. With the map, a stack trace can be read all the same.
    minify: true,
    sourcemap: 'external',
    // A worker started from a file of its own would be missing beside a single executable.
    define: {
      ...options.define,
      HOLDFAST_HASH_WORKER_SOURCE: JSON.stringify(worker.outputFiles[0]!.text),
    },
  });
  for (const { path, contents } of outputFiles) await writeFile(join(directory, basename(path)), contents);
  return { file, inputs: Object.keys({ ...metafile.inputs, ...worker.metafile.inputs }) };
}

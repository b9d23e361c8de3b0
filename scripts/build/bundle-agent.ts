/** The agent as it ships. From the sources Node's type stripper is in memory too, which no node pays for. */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type BuildOptions, transform } from 'esbuild';
import { bundleOptions, repositoryRoot } from './bundle-options.ts';
import { leaveOutFormats, loadBuiltinsLate } from './lighter-start.ts';

export interface Bundle {
  readonly file: string;
  /** Source files that went in, from the root of the repository. */
  readonly inputs: readonly string[];
}

/** One CommonJS file, for a Node that is there already. */
export async function bundleAgent(directory: string, commit: string | null = null): Promise<Bundle> {
  const { options, inputs } = await agentOptions(commit);
  const file = join(directory, 'agent.cjs');
  const { metafile, outputFiles } = await build({
    ...options,
    // The map names sources from where the bundle is said to lie: the same, wherever this is built into.
    outfile: join(repositoryRoot, 'dist/agent.cjs'),
    sourcemap: 'external',
  });
  for (const { path, contents } of outputFiles) await writeFile(join(directory, basename(path)), contents);
  return { file, inputs: [...inputs, ...Object.keys(metafile.inputs)] };
}

/** A function expression over `exports`, `require` and `module`. Others are required as `./name`. */
export interface Part {
  /** `main.js` begins. */
  readonly name: string;
  readonly code: string;
  /** The source map of `code`, as JSON. */
  readonly map: string;
}

/** The same in parts, so that what a command does not need is not loaded for it. */
export async function agentParts(commit: string | null = null): Promise<readonly Part[]> {
  const { options } = await agentOptions(commit);
  const { outputFiles } = await build({
    ...options,
    format: 'esm', // the one that esbuild splits
    banner: {},
    splitting: true,
    outdir: join(repositoryRoot, 'dist'),
    sourcemap: 'inline',
  });
  return Promise.all(outputFiles.map(({ path, text }) => toPart(basename(path), text)));
}

/** `module` is an ES module with its map in it. */
async function toPart(name: string, module: string): Promise<Part> {
  const { code, map } = await transform(module, {
    sourcefile: name,
    sourcemap: 'external',
    sourcesContent: false,
    format: 'cjs',
    platform: 'node',
    minify: true,
    supported: { 'dynamic-import': false },
  });
  const { js: banner } = bundleOptions(null).banner;
  const before = `(function (exports, require, module, __filename, __dirname) {${banner}`;
  const mapped = JSON.parse(map) as { mappings: string };
  return {
    name,
    code: `${before}\n${code.replace(/^#!.*/, '')}})`,
    map: JSON.stringify({ ...mapped, mappings: `;${mapped.mappings}` }), // one line down
  };
}

export async function agentOptions(commit: string | null) {
  const options = bundleOptions(commit);
  const source = join(repositoryRoot, 'packages/agent/src');
  const worker = await build({
    ...options,
    entryPoints: [join(source, 'io/hash/hash-worker.ts')],
    outfile: 'hash-worker.cjs',
    write: false,
  });
  return {
    inputs: Object.keys(worker.metafile.inputs),
    options: {
      ...options,
      entryPoints: [join(source, 'main.ts')],
      write: false,
      plugins: [loadBuiltinsLate, leaveOutFormats],
      // For the size and the start of the executable. With the map, a stack trace can be read all the same.
      minify: true,
      // A worker started from a file of its own would be missing beside a single executable.
      define: {
        ...options.define,
        HOLDFAST_HASH_WORKER_SOURCE: JSON.stringify(worker.outputFiles[0]!.text),
      },
    } as const satisfies BuildOptions,
  };
}

/** The collector as it ships: `collector.cjs`, and beside it in `prebuilds/` the addon for each Linux it may run on. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build as bundle, type BuildOptions, type Plugin } from 'esbuild';
import type { Bundle } from './bundle-agent.ts';
import { bundleOptions, repositoryRoot } from './bundle-options.ts';

const addons = ['linux-x64.node', 'linux-arm64.node', 'linuxmusl-x64.node', 'linuxmusl-arm64.node'];

/** Comes before all else: an older Node fails where the bundle first asks for something that it lacks. */
const refuseOlderNode =
  "if (!(parseInt(process.versions.node) >= 24)) { console.error('holdfast-collector: this is Node ' + process.versions.node + '; the collector needs Node 24 or newer'); process.exit(1); }";

export async function bundleCollector(directory: string, commit: string | null = null): Promise<Bundle> {
  const file = join(directory, 'collector.cjs');
  const { options, inputs } = await collectorOptions(commit);
  const { metafile } = await bundle({ ...options, outfile: file });
  const prebuilds = join(directory, 'prebuilds');
  await mkdir(prebuilds, { recursive: true });
  for (const addon of addons) {
    await copyFile(join(addonDirectory(), addon), join(prebuilds, addon));
  }
  return { file, inputs: [...inputs, ...Object.keys(metafile.inputs)] };
}

export async function collectorOptions(commit: string | null) {
  const source = join(repositoryRoot, 'packages/collector/src');
  const options = { ...bundleOptions(commit), plugins: [addonBesideTheBundle] };
  const worker = await bundle({
    ...options,
    entryPoints: [join(source, 'store/checkpoint-worker.ts')],
    // It has no file of its own: the addon lies beside the bundle that starts it.
    banner: { js: `${options.banner.js}const { home } = require('node:worker_threads').workerData;` },
    define: { ...options.define, __dirname: 'home' },
    outfile: 'checkpoint-worker.cjs',
    write: false,
  });
  return {
    inputs: Object.keys(worker.metafile.inputs),
    options: {
      ...options,
      entryPoints: [join(source, 'main.ts')],
      banner: { js: `${refuseOlderNode}${options.banner.js}` },
      define: {
        ...options.define,
        HOLDFAST_CHECKPOINT_WORKER_SOURCE: JSON.stringify(worker.outputFiles[0]!.text),
      },
    } as const satisfies BuildOptions,
  };
}

/** better-sqlite3 looks for its addon in the directory above its own, which in a bundle is the one above the bundle. */
const addonBesideTheBundle: Plugin = {
  name: 'addon-beside-the-bundle',
  setup(build) {
    build.onLoad({ filter: /better-sqlite3\/lib\/binding\.js$/ }, async ({ path }) => {
      const parts = (await readFile(path, 'utf8')).split("path.join(__dirname, '..', ");
      if (parts.length < 2) throw new Error(`${path} looks for its addon in another way than it did`);
      return { contents: parts.join('path.join(__dirname, ') };
    });
  },
};

export function addonDirectory(): string {
  const fromCollector = createRequire(join(repositoryRoot, 'packages/collector/package.json'));
  return join(dirname(fromCollector.resolve('better-sqlite3/package.json')), 'prebuilds');
}

/** The collector as it ships: `collector.cjs`, and beside it in `prebuilds/` the addon for each Linux it may run on. */
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build as bundle, type Plugin } from 'esbuild';
import type { Bundle } from './bundle-agent.ts';
import { bundleOptions, repositoryRoot } from './bundle-options.ts';

const addons = ['linux-x64.node', 'linux-arm64.node', 'linuxmusl-x64.node', 'linuxmusl-arm64.node'];

export async function bundleCollector(directory: string, commit: string | null = null): Promise<Bundle> {
  const file = join(directory, 'collector.cjs');
  const { metafile } = await bundle({
    ...bundleOptions(commit),
    entryPoints: [join(repositoryRoot, 'packages/collector/src/main.ts')],
    outfile: file,
    plugins: [addonBesideTheBundle],
  });
  const prebuilds = join(directory, 'prebuilds');
  await mkdir(prebuilds, { recursive: true });
  for (const addon of addons) {
    await copyFile(join(addonDirectory(), addon), join(prebuilds, addon));
  }
  return { file, inputs: Object.keys(metafile.inputs) };
}

/** better-sqlite3 looks for its addon in the directory above its own, which in a bundle is the one above the bundle. */
export const addonBesideTheBundle: Plugin = {
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

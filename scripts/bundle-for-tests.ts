/**
 * Both programs as bundles, for the tests that run them as processes: from the sources each start takes two to four
 * times the processor. With its source map, test/harness/places-in-sources.ts reads a stack.
 */
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { agentOptions } from './build/bundle-agent.ts';
import { addonDirectory, collectorOptions } from './build/bundle-collector.ts';
import { repositoryRoot } from './build/bundle-options.ts';

/** Returns the directory of `agent.cjs` and `collector.cjs`, which are of the sources as they are now. */
export async function bundleForTests(): Promise<string> {
  const directory = join(repositoryRoot, 'node_modules/.cache/programs');
  await mkdir(directory, { recursive: true });
  const [agent, collector] = await Promise.all([agentOptions(null), collectorOptions(null)]);
  await Promise.all([
    bundle(join(directory, 'agent.cjs'), { ...agent.options, minify: false }),
    bundle(join(directory, 'collector.cjs'), collector.options),
    replace(join(directory, 'prebuilds'), (beside) => symlink(addonDirectory(), beside)),
  ]);
  return directory;
}

async function bundle(outfile: string, options: BuildOptions): Promise<void> {
  const linked = { outfile, sourcemap: 'linked', sourcesContent: false, write: false } as const;
  const { outputFiles } = await build({ ...options, ...linked });
  for (const { path, contents } of outputFiles) {
    await replace(path, (beside) => writeFile(beside, contents));
  }
}

/** At once: another run of the tests in this checkout may be starting programs from here. */
async function replace(path: string, make: (beside: string) => Promise<void>): Promise<void> {
  const beside = `${path}.${process.pid}`;
  await rm(beside, { force: true });
  await make(beside);
  await rename(beside, path);
}

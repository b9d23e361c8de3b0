/** Puts the agent into a copy of the Node that runs this: one executable file that needs no Node on its host. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { agentNodeFlags } from '@holdfast/agent/runtime';
import type { Part } from './bundle-agent.ts';
import { repositoryRoot } from './bundle-options.ts';
import { buildFlags, main, writeCodeCaches } from './code-cache.ts';

const run = promisify(execFile);
const postject = join(repositoryRoot, 'node_modules/postject/dist/cli.js');

/** How Node finds out that it carries a program; the text is fixed by Node. */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Written as `outfile`. The result has the platform, the architecture and the C library of `process.execPath`. */
export async function makeSingleExecutable(parts: readonly Part[], outfile: string): Promise<void> {
  const cwd = await mkdtemp(join(dirname(outfile), '.executable-'));
  try {
    for (const { name, code } of parts) await writeFile(join(cwd, name), code);
    await writeCodeCaches(cwd);
    const assets = (await readdir(cwd)).filter((name) => /\.js(\.cache)?$/.test(name)).sort();
    const settings = {
      main, // is recorded as it is given here
      output: 'sea.blob',
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      execArgv: agentNodeFlags,
      execArgvExtension: 'none', // NODE_OPTIONS of the host are for other programs
      assets: Object.fromEntries(assets.map((name) => [name, name])),
    };
    await writeFile(join(cwd, 'sea.json'), JSON.stringify(settings));
    await run(process.execPath, [...buildFlags, '--experimental-sea-config', 'sea.json'], { cwd });
    await copyFile(process.execPath, outfile);
    await chmod(outfile, 0o755);
    const blob = join(cwd, settings.output);
    await run(process.execPath, [postject, outfile, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse]);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

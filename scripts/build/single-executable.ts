/** Puts the agent into a copy of the Node that runs this: one executable file that needs no Node on its host. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { agentNodeFlags } from '@holdfast/agent/runtime';
import type { Part } from './bundle-agent.ts';
import { repositoryRoot } from './bundle-options.ts';

const run = promisify(execFile);
const postject = join(repositoryRoot, 'node_modules/postject/dist/cli.js');
const main = 'executable-main.cjs';

/** How Node finds out that it carries a program; the text is fixed by Node. */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * With the flags that it will run with, else V8 throws the code cache away; and a code cache holds hashes of strings,
 * which V8 seeds with a random number. (--hash-seed would be a flag that it does not run with.)
 */
const buildFlags = [...agentNodeFlags, '--random-seed=1'];

/** Written as `outfile`. The result has the platform, the architecture and the C library of `process.execPath`. */
export async function makeSingleExecutable(parts: readonly Part[], outfile: string): Promise<void> {
  const cwd = await mkdtemp(join(dirname(outfile), '.executable-'));
  try {
    for (const { name, code } of parts) await writeFile(join(cwd, name), code);
    await copyFile(join(import.meta.dirname, main), join(cwd, main));
    await warmUp(cwd);
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

/** What an offline command compiles at its start goes into the code cache. */
async function warmUp(cwd: string): Promise<void> {
  await mkdir(join(cwd, 'tree'));
  await writeFile(join(cwd, 'scope.yaml'), 'version: 1\npaths:\n  - path: /tree\n');
  const scan = ['scan', '--host-root', cwd, '--scope-file', join(cwd, 'scope.yaml')];
  await run(process.execPath, [...buildFlags, main, ...scan], { cwd, env: {} });
}

/** Puts a bundle into a copy of the Node that runs this: one executable file that needs no Node on its host. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { agentNodeFlags } from '@holdfast/agent/runtime';
import { repositoryRoot } from './bundle-options.ts';

const run = promisify(execFile);
const postject = join(repositoryRoot, 'node_modules/postject/dist/cli.js');

/** How Node finds out that it carries a program; the text is fixed by Node. */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/**
 * Written as `outfile`. The result has the platform, the architecture and the C library of `process.execPath`.
 * What is made on the way lies beside `bundle`, and is removed.
 */
export async function makeSingleExecutable(bundle: string, outfile: string): Promise<void> {
  const cwd = dirname(bundle);
  const settings = {
    main: basename(bundle), // is recorded as it is given here
    output: 'sea.blob',
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: agentNodeFlags,
    execArgvExtension: 'none', // NODE_OPTIONS of the host are for other programs
  };
  await writeFile(join(cwd, 'sea.json'), JSON.stringify(settings));
  // With the flags that it will run with, else V8 throws the code cache away; and a code cache holds hashes of strings,
  // which V8 seeds with a random number. (--hash-seed would be a flag that it does not run with.)
  const flags = [...agentNodeFlags, '--random-seed=1', '--experimental-sea-config', 'sea.json'];
  await run(process.execPath, flags, { cwd });
  await copyFile(process.execPath, outfile);
  await chmod(outfile, 0o755);
  const blob = join(cwd, settings.output);
  await run(process.execPath, [postject, outfile, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', sentinelFuse]);
  await Promise.all([rm(blob), rm(join(cwd, 'sea.json'))]);
}

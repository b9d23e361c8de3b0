/** What the scan benches look at: the directories that the requirement names, without excludes, so that AIDE sees the same. */
import { statSync } from 'node:fs';
import { compileScope } from '@holdfast/shared/scope';
import { quietLog } from '@holdfast/agent/observe/quiet-log';

export const trees = ['/etc', '/usr/bin', '/usr/sbin', '/usr/local/bin'].filter(isDirectory);

export const scanOptions = {
  scope: compileScope({ version: 1, paths: trees.map((path) => ({ path })) }),
  hostRoot: '/',
  maxFileMib: 1024,
  log: quietLog,
};

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

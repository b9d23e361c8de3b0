import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { needTool } from './need.ts';
import { readRepositoryFile, repositoryFiles, repositoryRoot } from './repository.ts';

const needShellcheck = needTool('shellcheck', 'apt-get install -y shellcheck');

test('shellcheck finds no fault with any shell script', { skip: needShellcheck }, () => {
  const scripts = repositoryFiles.filter(
    (path) =>
      path.endsWith('.sh') ||
      (/(^|\/)[^.]+$/.test(path) && /^#!.*\b(?:ba)?sh\b/.test(readRepositoryFile(path))),
  );
  assert.ok(scripts.includes('deploy/systemd/install.sh'));
  const { status, stdout } = spawnSync('shellcheck', scripts, { cwd: repositoryRoot, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

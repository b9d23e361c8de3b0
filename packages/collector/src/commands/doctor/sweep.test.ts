import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { doctorLine } from '@holdfast/shared/doctor-finding';
import { needTool } from '../../../../../test/need.ts';
import { TestVault } from '#sweep/vault/test-vault';
import { loadConfig } from '../../load-config.ts';
import { checkSweep } from './sweep.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-doctor-sweep-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const root = join(directory, 'infra');
mkdirSync(join(root, 'stacks/a'), { recursive: true });
writeFileSync(join(root, 'stacks/a/main.tf'), '');
const bin = join(directory, 'bin');
mkdirSync(bin);
writeFileSync(join(bin, 'terraform'), '#!/bin/sh\n', { mode: 0o755 });

async function examine(options: Record<string, string>, path = `${bin}:${process.env['PATH']}`) {
  const environment = {
    PATH: path,
    HOME: directory,
    HOLDFAST_DATA_DIR: directory,
    HOLDFAST_SWEEP_MARKER: 'main.tf',
    HOLDFAST_SWEEP_COMMAND: 'terraform plan',
    ...options,
  };
  const { sweep } = loadConfig({ environment, flags: {}, configFile: null });
  const around = { environment, dataDir: directory, signal: new AbortController().signal };
  const lines: string[] = [];
  for await (const finding of checkSweep(sweep, around)) lines.push(doctorLine(finding));
  return lines.join('\n');
}

test('a directory is looked through, and a program that is lacking is told with the cure', async () => {
  assert.match(await examine({}), /^ok {4}sweep: off/);
  const well = await examine({ HOLDFAST_SWEEP_PATH: root });
  assert.match(well, /^ok {4}sweep command: terraform is .*\/bin\/terraform$/m);
  assert.match(well, /^ok {4}source of stacks: .* holds 1 stacks, 0 of them excluded$/m);
  const lacking = await examine({ HOLDFAST_SWEEP_PATH: join(root, 'nowhere') }, '/nowhere');
  assert.match(lacking, /^FAIL {2}sweep command: terraform is not on the PATH .*ENOENT.* — install it/m);
  assert.match(lacking, /^FAIL {2}source of stacks: cannot be read \(ENOENT\)/m);
  const empty = await examine({ HOLDFAST_SWEEP_PATH: root, HOLDFAST_SWEEP_MARKER: 'none.tf' });
  assert.match(empty, /^FAIL {2}source of stacks: no directory matches/m);
});

test('a git repository is asked for its ref', {
  skip: needTool('git', 'apt-get install -y git'),
}, async () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.test', ...args], { cwd: root });
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('-c', 'commit.gpgsign=false', 'commit', '--quiet', '--message=one');
  const at = { HOLDFAST_SWEEP_GIT: `file://${root}`, HOLDFAST_SWEEP_REF: 'main' };
  assert.match(await examine(at), /^ok {4}source of stacks: the git repository answers, and has the ref$/m);
  assert.match(
    await examine({ ...at, HOLDFAST_SWEEP_REF: 'gone' }),
    /^FAIL {2}source of stacks: the repository has no ref gone/m,
  );
  assert.match(
    await examine({ ...at, HOLDFAST_SWEEP_GIT: 'file:///nowhere.git' }),
    /^FAIL {2}source of stacks: git: /m,
  );
  assert.match(await examine(at, '/nowhere'), /^FAIL {2}git: is not on PATH/m);
});

test('a token is got from Vault and given back; a refusal is told', async () => {
  await using vault = await TestVault.open();
  const tokenFile = join(directory, 'jwt');
  writeFileSync(tokenFile, 'jwt');
  const options = {
    HOLDFAST_SWEEP_PATH: root,
    HOLDFAST_SWEEP_VAULT_ADDRESS: vault.url.href,
    HOLDFAST_SWEEP_VAULT_ROLE: 'planner',
    HOLDFAST_SWEEP_VAULT_TOKEN_FILE: tokenFile,
  };
  assert.match(await examine(options), /^ok {4}vault: http.* gives a token for role planner$/m);
  assert.equal(vault.live.size, 0);
  vault.jwts = ['another'];
  assert.match(await examine(options), /^FAIL {2}vault: login with role planner.*403.*not authorized/m);
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { needTool } from '../../../../../test/need.ts';
import { waitFor } from '../../../../../test/harness/wait.ts';
import { checkOut, type CheckoutParts } from './checkout.ts';
import { discoverStacks } from './discover.ts';
import { prepareCheckout } from './prepare.ts';
import { crossCheck } from './terragrunt-find.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-source-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const environment = { PATH: process.env['PATH']!, HOME: directory };
const { signal } = new AbortController();
let count = 0;

function fresh(): string {
  const made = join(directory, `d${(count += 1)}`);
  mkdirSync(made);
  return made;
}

function git(cwd: string, ...args: string[]): string {
  const name = ['-c', 'user.name=t', '-c', 'user.email=t@example.test', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...name, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' }).trim();
}

function put(root: string, path: string, text = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function repository(): { root: string; url: string; commit: (path: string, text: string) => string } {
  const root = fresh();
  git(root, 'init', '--quiet', '--initial-branch=main');
  const commit = (path: string, text: string) => {
    put(root, path, text);
    git(root, 'add', '-A');
    git(root, 'commit', '--quiet', '-m', 'a change');
    return git(root, 'rev-parse', 'HEAD');
  };
  return { root, url: `file://${root}`, commit };
}

function parts(more: Partial<CheckoutParts> = {}): CheckoutParts {
  return { directory: fresh(), environment, runAs: null, signal, ...more };
}

const source = (url: string, ref = 'main', credentialsFile: string | null = null) =>
  ({ kind: 'git', url, ref, credentialsFile, knownHostsFile: null }) as const;

const skip = needTool('git', 'apt-get install -y git');

describe('a git source', { skip }, () => {
  it('is cloned shallow, and every checkout has the newest commit, without what was there before', async () => {
    const remote = repository();
    remote.commit('stacks/a/terragrunt.hcl', 'one');
    const first = remote.commit('.gitignore', 'secrets.yaml\n');
    const here = parts();
    const { root, commit, isDirty } = await checkOut(source(remote.url), here);
    assert.deepEqual([commit, isDirty], [first, false]);
    assert.equal(git(root, 'rev-list', '--count', 'HEAD'), '1');
    put(root, 'stacks/a/.terraform/plugin', 'cached');
    put(root, 'stacks/a/left-behind', 'x');
    put(root, 'stacks/a/terragrunt.hcl', 'edited here');
    put(root, 'secrets.yaml', 'decrypted');
    git(remote.root, 'rm', '--quiet', 'stacks/a/terragrunt.hcl');
    const second = remote.commit('stacks/b/terragrunt.hcl', 'two');
    assert.equal((await checkOut(source(remote.url), here)).commit, second);
    assert.deepEqual(
      ['stacks/a/terragrunt.hcl', 'stacks/a/left-behind', 'stacks/a/.terraform/plugin', 'secrets.yaml'].map(
        (path) => existsSync(join(root, path)),
      ),
      [false, false, true, true],
    );
  });

  it('takes another ref, and survives a rewritten history and a checkout that was torn down halfway', async () => {
    const remote = repository();
    remote.commit('a', '1');
    const here = parts();
    const { root } = await checkOut(source(remote.url), here);
    git(remote.root, 'commit', '--quiet', '--amend', '-m', 'rewritten');
    writeFileSync(join(root, '.git', 'HEAD'), 'ref: refs/heads/nowhere\n');
    for (const lock of ['index.lock', 'shallow.lock']) writeFileSync(join(root, '.git', lock), '');
    assert.equal((await checkOut(source(remote.url), here)).commit, git(remote.root, 'rev-parse', 'HEAD'));
    git(remote.root, 'tag', 'v1');
    remote.commit('a', '2');
    assert.equal(
      (await checkOut(source(remote.url, 'v1'), here)).commit,
      git(remote.root, 'rev-parse', 'v1'),
    );
  });

  it('fails in phase checkout when it cannot be fetched, and never plans what was there before', async () => {
    const remote = repository();
    remote.commit('a', '1');
    const here = parts();
    await checkOut(source(remote.url), here);
    await assert.rejects(checkOut(source(remote.url, 'gone'), here), {
      phase: 'checkout',
      message: /git fetch: .*gone/,
    });
    await assert.rejects(checkOut(source('file:///nowhere.git'), here), { phase: 'checkout' });
    const missing = source('https://127.0.0.1:1/x.git', 'main', join(directory, 'none'));
    await assert.rejects(checkOut(missing, here), /credentials file .*none cannot be read: ENOENT/);
  });

  it('gives the password over askpass: it is in no argument, no log and no error', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      const given = request.headers.authorization;
      if (given === undefined) response.setHeader('www-authenticate', 'Basic realm="git"');
      else seen.push(Buffer.from(given.slice('Basic '.length), 'base64').toString());
      response.statusCode = given === undefined ? 401 : 403;
      response.end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/infra.git`;
    const credentials = join(fresh(), 'credentials');
    for (const [text, expected] of [
      ['s3cr3t-token\n', 'git:s3cr3t-token'],
      ['deploy\ns3cr3t-token\n', 'deploy:s3cr3t-token'],
    ] as const) {
      writeFileSync(credentials, text);
      await assert.rejects(checkOut(source(url, 'main', credentials), parts()), (error: Error) => {
        assert.match(error.message, /^git fetch: /);
        return !error.message.includes('s3cr3t');
      });
      assert.equal(seen.at(-1), expected);
    }
    server.close();
  });
});

describe('a directory as source', () => {
  it('is planned as it is, with its commit and whether it differs from that, or without one', async () => {
    const remote = repository();
    const commit = remote.commit('a', '1');
    const at = (path: string) => checkOut({ kind: 'directory', path }, parts());
    assert.deepEqual(await at(remote.root), { root: remote.root, commit, isDirty: false });
    put(remote.root, 'a', '2');
    assert.equal((await at(remote.root)).isDirty, true);
    const plain = fresh();
    assert.deepEqual(await at(plain), { root: plain, commit: null, isDirty: false });
    await assert.rejects(at(join(plain, 'none')), { phase: 'checkout', message: /is not there/ });
  });
});

describe('discovery', () => {
  const rules = {
    stacks: ['stacks/*'],
    markers: ['terragrunt.hcl'],
    scaffolds: ['_template'],
    exclude: [{ stack: 'stacks/vault', reason: 'applied by hand' }],
  };

  function tree(): string {
    const root = fresh();
    for (const stack of ['b', 'a', 'vault', '_template', 'a/.terragrunt-cache/x', 'a/nested'])
      put(root, `stacks/${stack}/terragrunt.hcl`);
    put(root, 'stacks/readme.md');
    put(root, 'terragrunt.hcl');
    return root;
  }

  it('finds what the globs match and a marker names, and excludes with a reason', async () => {
    const root = tree();
    const found = await discoverStacks(root, rules, null);
    assert.deepEqual(found.stacks, [
      { stack: 'stacks/_template', excludedBecause: 'a scaffold' },
      { stack: 'stacks/a', excludedBecause: null },
      { stack: 'stacks/b', excludedBecause: null },
      { stack: 'stacks/vault', excludedBecause: 'applied by hand' },
    ]);
    const deep = await discoverStacks(root, { ...rules, stacks: ['stacks/**'] }, ['stacks/a']);
    assert.deepEqual(
      deep.stacks.map(({ stack }) => stack),
      ['stacks/a', 'stacks/a/nested'],
    );
  });

  it('fails where it finds nothing: a sweep over no stack would be calm for ever', async () => {
    const nothing = { phase: 'config', message: /no directory matches live\/\* and holds terragrunt\.hcl/ };
    await assert.rejects(discoverStacks(tree(), { ...rules, stacks: ['live/*'] }, null), nothing);
    const asked = discoverStacks(tree(), rules, ['stacks/a', 'stacks/z']);
    await assert.rejects(asked, {
      phase: 'config',
      message: 'no stack is called stacks/z; there are 4 others',
    });
  });

  it('tells of a glob that finds nothing beside others that do', async () => {
    const { stacks, unmatched } = await discoverStacks(
      tree(),
      { ...rules, stacks: ['stacks/*', 'live/*'] },
      null,
    );
    assert.deepEqual([stacks.length, unmatched], [4, ['live/*']]);
  });

  it('is compared with what terragrunt find says, where there is one that says something', async () => {
    const root = tree();
    const { stacks: ours } = await discoverStacks(root, rules, null);
    const bin = fresh();
    const how = { environment: { ...environment, PATH: `${bin}:${environment.PATH}` }, signal, runAs: null };
    const compare = () => crossCheck(root, ours, [join(bin, 'terragrunt'), 'plan'], how);
    assert.equal((await compare()).kind, 'unavailable');
    const say = (text: string, exit = 0) => {
      writeFileSync(
        join(bin, 'terragrunt'),
        `#!/bin/sh\n[ "$*" = "find --json" ] || exit 9\necho '${text}'\nexit ${exit}\n`,
      );
      chmodSync(join(bin, 'terragrunt'), 0o755);
    };
    say(
      JSON.stringify([
        ...ours.slice(1).map(({ stack }) => ({ type: 'unit', path: stack })),
        { type: 'unit', path: 'live/x' },
        { type: 'stack', path: 's' },
      ]),
    );
    assert.deepEqual(await compare(), {
      kind: 'compared',
      onlyOurs: ['stacks/_template'],
      onlyTerragrunt: ['live/x'],
    });
    say('no json');
    assert.equal((await compare()).kind, 'unavailable');
    say('[]', 1);
    assert.equal((await compare()).kind, 'unavailable');
  });
});

describe('prepare', () => {
  const run = (prepare: string[][], more: { timeoutMs?: number; stop?: AbortSignal } = {}, cwd = fresh()) =>
    prepareCheckout(
      { prepare, prepareTimeoutMs: more.timeoutMs ?? 10_000 },
      { cwd, environment, signal: more.stop ?? signal, runAs: null },
      (text) => text.replaceAll('hunter2', '(not shown)'),
    );

  it('runs the commands in their order, in the root of the source', async () => {
    const cwd = fresh();
    await run(
      [
        ['sh', '-c', 'echo one > made'],
        ['sh', '-c', 'echo two >> made'],
      ],
      {},
      cwd,
    );
    assert.equal(readFileSync(join(cwd, 'made'), 'utf8'), 'one\ntwo\n');
  });

  it('stops at the first that fails, and tells what it said, without secrets', async () => {
    const cwd = fresh();
    const failing = run(
      [
        ['sh', '-c', 'echo "bad hunter2" >&2; exit 3'],
        ['touch', 'made'],
      ],
      {},
      cwd,
    );
    await assert.rejects(failing, {
      phase: 'prepare',
      message: 'prepare command 1: exited 3: bad (not shown)',
    });
    assert.equal(existsSync(join(cwd, 'made')), false);
    await assert.rejects(run([['no-such-program']]), /could not be started: ENOENT/);
  });

  it('leaves nothing running: not after a timeout, not when the sweep is stopped, not when a command forks', async () => {
    const cwd = fresh();
    const sleeper = ['sh', '-c', 'sleep 60 & echo $! > pid; wait'];
    const gone = () =>
      waitFor(
        'the child to be gone',
        () =>
          !existsSync(`/proc/${readFileSync(join(cwd, 'pid'), 'utf8').trim()}/stat`) ||
          /^\d+ \(sleep\) Z/.test(
            readFileSync(`/proc/${readFileSync(join(cwd, 'pid'), 'utf8').trim()}/stat`, 'utf8'),
          ),
      );
    await assert.rejects(run([sleeper], { timeoutMs: 300 }, cwd), /took longer than 0.3 s/);
    await gone();
    const stop = new AbortController();
    const stopped = run([sleeper], { stop: stop.signal }, cwd);
    setTimeout(() => stop.abort(), 300);
    await assert.rejects(stopped, /was stopped/);
    await gone();
    await run([['sh', '-c', 'sleep 60 >/dev/null 2>&1 & echo $! > pid']], {}, cwd);
    await gone();
  });
});

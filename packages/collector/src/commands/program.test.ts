import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { CommanderError } from 'commander';
import { call, closeConnections, untilReady } from '../../../../test/harness/api.ts';
import { freePort, operatorToken, startCollectorProcess } from '../../../../test/harness/process.ts';
import { version } from '../version.ts';
import { createProgram } from './program.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-commands-'));
after(() => {
  closeConnections();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs a command as main.ts does, within the test: a process of its own takes seconds on a busy machine. */
async function run(args: readonly string[], environment: Record<string, string> = {}) {
  let output = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      output += chunk.toString();
      done();
    },
  });
  const program = createProgram({
    environment: { HOLDFAST_DATA_DIR: directory, ...environment },
    self: [process.execPath, join(import.meta.dirname, '..', 'main.ts')],
    stop: new AbortController().signal,
    stdout: stream,
    stderr: stream,
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return { exit: 0, output };
  } catch (error) {
    if (error instanceof CommanderError) return { exit: error.exitCode, output };
    return { exit: 1, output: `${output}${error instanceof Error ? error.message : String(error)}\n` };
  }
}

describe('holdfast-collector', () => {
  it('verifies the audit log, against a head that was kept if one is named', async () => {
    const elsewhere = { HOLDFAST_DATA_DIR: join(directory, 'audited') };
    const none = await run(['audit', 'verify'], elsewhere);
    assert.deepEqual([none.exit, /there is no .*holdfast\.db/.test(none.output)], [1, true], none.output);
    await run(['token', 'create', '--role', 'viewer', '--name', 'ada'], elsewhere);
    const { exit, output } = await run(['audit', 'verify'], elsewhere);
    assert.match(output, /^1 records, head [0-9a-f]{64}\n$/);
    assert.equal(exit, 0);
    const head = output.trim().split(' ').at(-1)!;
    assert.equal((await run(['audit', 'verify', '--head', head], elsewhere)).exit, 0);
    const strange = await run(['audit', 'verify', '--head', 'f'.repeat(64)], elsewhere);
    assert.equal(strange.exit, 1);
    assert.match(strange.output, /no record has the hash/);
    assert.notEqual((await run(['audit', 'verify', '--head', 'x'], elsewhere)).exit, 0);
  });

  it('prints its version, and help on everything', async () => {
    for (const asked of ['version', '--version'])
      assert.deepEqual(await run([asked]), { exit: 0, output: `holdfast-collector ${version}\n` });
    for (const args of [
      ['--help'],
      ['serve', '--help'],
      ['backup', '--help'],
      ['restore', '--help'],
      ['doctor', '--help'],
      ['audit', 'verify', '--help'],
      ['token', '--help'],
      ['token', 'create', '--help'],
    ]) {
      const { exit, output } = await run(args);
      assert.equal(exit, 0, args.join(' '));
      assert.match(output, /^Usage: holdfast-collector /);
    }
    const { output } = await run(['serve', '--help']);
    for (const text of ['--retention-days <DAYS>', 'HOLDFAST_OPERATOR_TOKEN ', '--config <FILE>', 'default:'])
      assert.ok(output.includes(text), text);
    assert.ok(!output.includes('--operator-token '));
  });

  it('exits 1 on wrong usage, and on a wrong configuration with every problem on a line', async () => {
    assert.equal((await run(['nonsense'])).exit, 1);
    assert.equal((await run(['token', 'create', '--role', 'king', '--name', 'x'])).exit, 1);
    const { exit, output } = await run(['serve', '--retention-days', 'x'], { HOLDFAST_TYPO: '1' });
    assert.equal(exit, 1);
    assert.match(output, /^invalid configuration:\n {2}--retention-days: .*\n {2}HOLDFAST_TYPO: /);
  });

  it('creates and revokes tokens that a running collector knows at once, and stops on SIGTERM with exit 0', async () => {
    await using collector = startCollectorProcess(directory, await freePort());
    await untilReady(collector.url);
    const created = await run(['token', 'create', '--role', 'viewer', '--name', 'grafana']);
    assert.equal(created.exit, 0, created.output);
    const token = /^hf_viewer_[A-Za-z0-9_-]{43}$/m.exec(created.output)?.[0];
    assert.ok(token, created.output);
    assert.equal((await call(collector.url, '/api/v1/nodes', { token })).status, 200);
    assert.match(
      (await run(['token', 'create', '--role', 'viewer', '--name', 'grafana'])).output,
      /exists \(id 1\)/,
    );
    const listed = await run(['token', 'list']);
    assert.match(listed.output, /^1 +viewer +grafana +- +\S+ +- +-$/m);
    assert.ok(!listed.output.includes(token));
    assert.equal((await run(['token', 'revoke', '1'])).exit, 0);
    assert.equal((await call(collector.url, '/api/v1/nodes', { token })).status, 401);
    assert.equal((await run(['token', 'revoke', '7'])).exit, 1);
    const audit = await call<{ audit: { who: string; action: string }[] }>(collector.url, '/api/v1/audit', {
      token: operatorToken,
    });
    assert.deepEqual(
      audit.body.audit.map(({ who, action }) => `${who} ${action}`),
      ['command-line token-revoke', 'command-line token-create'],
    );
    collector.kill('SIGTERM');
    assert.equal(await collector.ended, 0);
    assert.ok(!collector.output().includes(token));
  });

  it('doctor names what is lacking, with the cure, and exits 1 only for what stops the collector', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
    const listen = `127.0.0.1:${await freePort()}`;
    const environment = { HOLDFAST_DATA_DIR: dataDir, HOLDFAST_LISTEN: listen, HOLDFAST_MIN_FREE_MIB: '0' };
    try {
      const empty = await run(['doctor'], environment);
      assert.equal(empty.exit, 0, empty.output);
      assert.match(
        empty.output,
        /^warn {2}tokens: none for an operator.* — holdfast-collector token create/m,
      );
      assert.match(empty.output, /^warn {2}backups: none are made — set HOLDFAST_BACKUP_DIR/m);
      assert.equal(
        (await run(['token', 'create', '--role', 'operator', '--name', 'ada'], environment)).exit,
        0,
      );
      const backup = join(dataDir, 'copy.db');
      assert.equal((await run(['backup', backup], environment)).exit, 0);
      const well = await run(['doctor'], environment);
      assert.match(well.output, /^ok {4}database: .* is whole: 0 nodes/m);
      assert.match(well.output, /^ok {4}tokens: /m);
      writeFileSync(join(dataDir, 'holdfast.db'), 'junk'.repeat(5000));
      const broken = await run(['doctor', '--tls-cert-file', backup, '--tls-key-file', backup], environment);
      assert.equal(broken.exit, 1);
      assert.match(broken.output, /^FAIL {2}database: .*is damaged.*/m);
      assert.match(broken.output, /^FAIL {2}certificate: /m);
      assert.equal((await run(['restore', backup], environment)).exit, 0);
      assert.match((await run(['token', 'list'], environment)).output, /operator {2}ada/);
      const wrong = await run(['doctor', '--retention-days', 'x'], environment);
      assert.deepEqual(
        [wrong.exit, /^FAIL {2}configuration: --retention-days/.test(wrong.output)],
        [1, true],
      );
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('creates tokens that expire', async () => {
    const create = (expires: string) =>
      run(['token', 'create', '--role', 'viewer', '--name', 'guest', '--expires', expires]);
    for (const wrong of ['soon', '0d', '2020-01-01', '2026-13-01', '999999d', ''])
      assert.match((await create(wrong)).output, /^--expires: /m, wrong);
    const { exit, output } = await create('90d');
    assert.equal(exit, 0, output);
    assert.match(output, /role viewer, until \d{4}-/);
    assert.match((await run(['token', 'list'])).output, /guest +- +\S+Z +\S+Z +-$/m);
  });

  it('refuses token names that the audit uses itself, and nodes for roles without one', async () => {
    for (const name of [
      'holdfast',
      'command-line',
      'configured-operator',
      '',
      '-x',
      'a b',
      'x'.repeat(101),
    ]) {
      assert.equal((await run(['token', 'create', '--role', 'viewer', `--name=${name}`])).exit, 1, name);
    }
    assert.equal((await run(['token', 'create', '--role', 'viewer', '--name', 'x', '--node', 'a'])).exit, 1);
    assert.equal((await run(['token', 'create', '--role', 'agent', '--name', 'x', '--node', 'A'])).exit, 1);
  });
});

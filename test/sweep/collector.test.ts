/** Stacks, real terraform, and a real collector in between: asked by API, killed, asked by hand, sent from elsewhere. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { endOf, resultOf, scopeOf } from '@holdfast/collector/sweep/test-sweep';
import { call, untilReady } from '../harness/api.ts';
import { freePort, operatorToken, startCollectorCommand, startCollectorProcess } from '../harness/process.ts';
import {
  collectorFor,
  freshDirectory,
  listener,
  outcomes,
  type Sweep,
  sweepByHand,
  sweepOf,
  untilEnded,
  workingBelow,
} from '../harness/terraform/swept-collector.ts';
import { needTerraform, StackTree } from '../harness/terraform/stack-tree.ts';
import { waitFor } from '../harness/wait.ts';

const canary = `canary-${randomBytes(16).toString('hex')}`;
const sweeperToken = { name: 'sweep-job', role: 'sweeper' };

/** One clean stack, one whose code has moved, one that is broken, one scaffold; with a secret that must stay inside. */
async function stacks(): Promise<StackTree> {
  const tree = await StackTree.create();
  const main = (input: string) =>
    `variable "secret" {\n  sensitive = true\n  default = "${canary}"\n}\nresource "terraform_data" "x" {\n  input = { name = "${input}", secret = var.secret }\n}\n`;
  await tree.apply('stacks/clean', { 'main.tf': main('a') });
  await tree.copy('stacks/clean', 'stacks/pending', 'none', 'none');
  await tree.edit('stacks/pending', 'main.tf', '"a"', '"b"');
  await tree.write('stacks/broken', {
    'main.tf': `resource "terraform_data" "x" { input = "${canary}" nonsense }`,
  });
  await tree.write('stacks/_template', { 'main.tf': 'this is no stack' });
  return tree;
}

function environment(tree: StackTree, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...sweepOf(tree), TF_VAR_canary: canary, ...more };
}

const expected = {
  'stacks/_template': 'excluded',
  'stacks/broken': 'error',
  'stacks/clean': 'clean',
  'stacks/pending': 'pending',
};

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('the sweep of a collector', { skip: needTerraform }, () => {
  it('goes from POST to outcomes, series, Pushgateway and webhook, and no secret goes with it', async () => {
    await using tree = await stacks();
    const dataDir = freshDirectory();
    using others = await listener();
    await using collector = await collectorFor(dataDir, {
      ...environment(tree),
      HOLDFAST_PUSHGATEWAY_URL: `${others.url}/push`,
      HOLDFAST_WEBHOOK_URL: `${others.url}/hook`,
    });
    const { url } = collector;
    const asked = await call<Sweep>(url, '/api/v1/sweeps', { method: 'POST', body: { reason: 'try' } });
    assert.equal(asked.status, 202, asked.text);
    assert.equal(asked.headers['location'], `/api/v1/sweeps/${asked.body.id}`);
    const second = await call<{ code: string; sweep: string }>(url, '/api/v1/sweeps', { method: 'POST' });
    assert.deepEqual(
      [second.status, second.body.code, second.body.sweep],
      [409, 'sweep-running', asked.body.id],
    );
    const ended = await untilEnded(url, asked.body.id);
    assert.equal(ended.state, 'finished');
    assert.equal(ended.discovered, 4);
    assert.deepEqual(await outcomes(url), expected);
    const one = await call<{ cause: string; outcomes: unknown[]; changes: unknown[] }>(
      url,
      `/api/v1/stacks/${encodeURIComponent('stacks/pending')}`,
    );
    assert.deepEqual([one.body.cause, one.body.outcomes.length, one.body.changes.length], ['pending', 1, 1]);
    const metrics = (await call(url, '/metrics')).text;
    for (const line of [
      'terragrunt_drift_detected{stack="stacks/clean",cause="pending"} 0',
      'terragrunt_drift_detected{stack="stacks/pending",cause="pending"} 1',
      'holdfast_stack_outcome{stack="stacks/broken",outcome="error"} 1',
      'holdfast_sweep_stacks{outcome="excluded"} 1',
      'holdfast_sweep_discovered_stacks 4',
      'holdfast_sweep_balanced 1',
    ])
      assert.ok(metrics.includes(`${line}\n`), line);
    const told = await waitFor('both to be told', () =>
      others.bodies.length === 2 ? others.bodies : undefined,
    );
    const push = told.find(({ path }) => path === '/push/metrics/job/holdfast_sweep');
    assert.equal(push?.method, 'PUT');
    assert.match(push.body, /^terragrunt_drift_detected\{stack="stacks\/pending",cause="pending"\} 1$/m);
    const message = JSON.parse(told.find(({ path }) => path === '/hook')!.body) as {
      text: string;
      event: string;
    };
    assert.match(
      message.text,
      /2 worse, 0 recovered[\s\S]*`stacks\/pending`: pending[\s\S]*`stacks\/broken`: error in config/,
    );
    const audit = (await call(url, '/api/v1/audit')).text;
    assert.match(audit, /"action":"sweep"/);

    // The same again is no news; what is mended is.
    await tree.edit('stacks/pending', 'main.tf', '"b"', '"a"');
    const again = await call<Sweep>(url, '/api/v1/sweeps', {
      method: 'POST',
      body: { stacks: ['stacks/p*', 'stacks/broken'] },
    });
    assert.equal((await untilEnded(url, again.body.id)).discovered, 2);
    assert.deepEqual(await outcomes(url), { ...expected, 'stacks/pending': 'clean' });
    const last = await waitFor(
      'the recovery to be told',
      () => others.bodies.filter(({ path }) => path === '/hook')[1],
    );
    assert.match(last.body, /0 worse, 1 recovered/);

    const everything = [metrics, audit, ...others.bodies.map(({ body }) => body), collector.output()];
    for (const sweep of [asked.body.id, again.body.id])
      everything.push((await call(url, `/api/v1/sweeps/${sweep}`)).text);
    for (const file of filesBelow(dataDir)) everything.push(readFileSync(file, 'latin1'));
    assert.ok(everything.every((text) => !text.includes(canary)));
  });

  it('is closed honestly after kill -9: nothing runs on, nothing is claimed, and what was measured stands', async () => {
    await using tree = await stacks();
    const dataDir = freshDirectory();
    await tree.write('stacks/slow', { 'main.tf': 'data "external" "x" { program = ["sleep", "60"] }' });
    const slow = join(tree.directory, 'slow-terraform');
    writeFileSync(slow, `#!/bin/sh\ncase "$PWD" in */slow) exec sleep 60 ;; esac\nexec terraform "$@"\n`, {
      mode: 0o755,
    });
    const more = { HOLDFAST_SWEEP_COMMAND: `${slow} plan`, HOLDFAST_SWEEP_CONCURRENCY: '2' };
    const killed = await collectorFor(dataDir, environment(tree, more));
    const { body: asked } = await call<Sweep>(killed.url, '/api/v1/sweeps', { method: 'POST' });
    await waitFor('the clean stack to be measured', async () => {
      const { body } = await call<Sweep>(killed.url, `/api/v1/sweeps/${asked.id}`);
      return body.counts['clean'] === 1 && body.discovered === 5;
    });
    killed.kill('SIGKILL');
    await killed.ended;
    await using collector = await collectorFor(dataDir, environment(tree, more));
    const sweep = await untilEnded(collector.url, asked.id);
    assert.deepEqual([sweep.state, sweep.endedBy, sweep.discovered], ['interrupted', 'interrupt', 5]);
    assert.equal(
      Object.values(sweep.counts).reduce((sum, count) => sum + count, 0),
      5,
    );
    const now = await outcomes(collector.url);
    assert.equal(now['stacks/clean'], 'clean');
    assert.equal(now['stacks/slow'], 'unmeasured');
    assert.ok(['unmeasured', 'pending'].includes(now['stacks/pending']!));
    const metrics = (await call(collector.url, '/metrics')).text;
    assert.ok(metrics.includes('holdfast_sweep_ended{as="interrupted"} 1\n'));
    assert.ok(metrics.includes('holdfast_sweep_balanced 1\n'));
    await waitFor('no child to be left', () => workingBelow(tree.root).length === 0);
  });

  it('leaves every stack unmeasured, and none in error, when nothing can be planned at all', async () => {
    await using tree = await stacks();
    await using collector = await collectorFor(freshDirectory(), environment(tree));
    const { url } = collector;
    const first = await call<Sweep>(url, '/api/v1/sweeps', { method: 'POST' });
    await untilEnded(url, first.body.id);
    rmSync(tree.root, { recursive: true });
    const { body } = await call<Sweep>(url, '/api/v1/sweeps', { method: 'POST' });
    const ended = await untilEnded(url, body.id);
    assert.equal(ended.state, 'failed');
    assert.equal(ended.failure?.phase, 'checkout');
    assert.deepEqual(ended.counts['unmeasured'], 4);
    const metrics = (await call(url, '/metrics')).text;
    assert.ok(metrics.includes('terragrunt_drift_detected{stack="stacks/pending",cause="pending"} 1\n'));
    assert.ok(metrics.includes('holdfast_sweep_ended{as="failed"} 1\n'));
  });
});

describe('holdfast-collector sweep', { skip: needTerraform }, () => {
  it('prints what it found, and exits 0 all clean, 2 something differs, 1 something could not be measured', async () => {
    await using tree = await stacks();
    const env = environment(tree, { HOLDFAST_DATA_DIR: freshDirectory() });
    const all = await sweepByHand([], env);
    assert.equal(all.exit, 1);
    assert.match(all.output, /^stacks\/pending +pending: 1 update$/m);
    assert.match(all.output, /^4 stacks: 1 clean, 1 pending, 1 error, 1 excluded$/m);
    assert.equal((await sweepByHand(['--stack', 'stacks/pending', '--stack', 'stacks/clean'], env)).exit, 2);
    const clean = await sweepByHand(['--stack', 'stacks/clean', '--json'], env);
    assert.equal(clean.exit, 0);
    const report = JSON.parse(/^\{.*\}$/m.exec(clean.output)![0]) as {
      discovered: number;
      stacks: { stack: string; cause: null }[];
    };
    assert.deepEqual(
      [report.discovered, report.stacks[0]!.stack, report.stacks[0]!.cause],
      [1, 'stacks/clean', null],
    );
    assert.ok(![all.output, clean.output].join('').includes(canary));
    const typo = await sweepByHand(['--stack', 'stacks/clean', '--stack', 'stacks/claen'], env);
    assert.deepEqual([typo.exit, /no stack is called stacks\/claen/.test(typo.output)], [1, true]);
    const none = await sweepByHand([], { HOLDFAST_DATA_DIR: freshDirectory() });
    assert.match(none.output, /no source of stacks is configured/);
  });

  it('sends its results with --push-to, which are taken once, and only of a sweeper', async () => {
    await using tree = await stacks();
    const dataDir = freshDirectory();
    await using collector = startCollectorProcess(dataDir, await freePort());
    const { url } = collector;
    await untilReady(url);
    assert.equal(
      (await call<{ code: string }>(url, '/api/v1/sweeps', { method: 'POST' })).body.code,
      'sweep-not-configured',
    );
    const made = startCollectorCommand(
      ['token', 'create', '--role', sweeperToken.role, '--name', sweeperToken.name],
      { HOLDFAST_DATA_DIR: dataDir },
    );
    await made.ended;
    const token = /hf_sweeper_\S+/.exec(made.output())![0];
    const env = environment(tree, { HOLDFAST_DATA_DIR: freshDirectory(), HOLDFAST_SWEEP_PUSH_TOKEN: token });
    const pushed = await sweepByHand(['--push-to', url], env);
    assert.equal(pushed.exit, 1);
    assert.deepEqual(await outcomes(url), expected);
    const { body } = await call<{ sweeps: (Sweep & { trigger: string; who: string })[] }>(
      url,
      '/api/v1/sweeps',
    );
    assert.deepEqual(
      [body.sweeps[0]!.trigger, body.sweeps[0]!.who, body.sweeps.length],
      ['push', sweeperToken.name, 1],
    );

    const one = resultOf('stacks/x', 'clean', { startedAt: 1, durationMs: 1 });
    const results = {
      only: ['stacks/x'],
      startedAt: 1,
      deadlineMs: 1,
      source: 's',
      scope: scopeOf(1),
      end: endOf(2),
      results: [one],
    };
    const put = (content: object, as = token) =>
      call<{ code: string; taken: boolean }>(
        url,
        '/api/v1/sweeps/00000000-0000-4000-8000-000000000001/results',
        { method: 'PUT', token: as, body: content },
      );
    assert.equal((await put({ ...results, results: [] })).body.code, 'invalid-sweep');
    assert.equal((await put({ ...results, results: [one, one] })).body.code, 'invalid-sweep');
    assert.equal((await put({ ...results, extra: 1 })).status, 400);
    assert.equal((await put(results, operatorToken)).status, 403);
    assert.deepEqual((await put(results)).body.taken, true);
    assert.deepEqual((await put(results)).body.taken, false);
    assert.equal((await put({ ...results, source: 'other' })).body.code, 'sweep-conflict');
    assert.equal((await outcomes(url))['stacks/x'], 'clean');
    const refused = await sweepByHand(['--push-to', url], {
      ...env,
      HOLDFAST_SWEEP_PUSH_TOKEN: 'x'.repeat(20),
    });
    assert.match(refused.output, /refuses the token: it needs one of role sweeper/);
  });
});

/** `npm start` as whoever runs it sees it: over a scratch tree, on a port and in a directory of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { difference } from '../scripts/start/follow-drift.ts';
import { call } from './harness/api.ts';
import { freePort, projectRoot, startProcess } from './harness/process.ts';
import { waitFor } from './harness/wait.ts';

test('npm start takes a baseline, prints a drift and its end, stops on SIGTERM, and keeps its data', async (t) => {
  const place = await scratchPlace(t);
  const first = start(t, place);
  await waitFor('the introduction', () => first.output().includes('Ctrl-C stops'));
  assert.match(first.output(), /: 2 entries, taken as the first baseline$/m);
  for (const line of ['look', 're-baseline', 'metrics'])
    assert.match(first.output(), new RegExp(`^${line} +curl -s `, 'm'));
  assert.equal((await stat(join(place.data, 'operator.token'))).mode & 0o777, 0o600);

  await writeFile(join(place.tree, 'a.conf'), 'changed');
  await waitFor('the drift', () =>
    /drift {2}changed {2}\S+\/a\.conf {2}\(size, sha256\)$/m.test(first.output()),
  );
  await writeFile(join(place.tree, 'a.conf'), 'a');
  await waitFor('its end', () => /clean {2}nothing drifts$/m.test(first.output()));
  first.kill('SIGTERM');
  assert.equal(await first.ended, 0, first.output());
  assert.match(first.output(), /^holdfast: stopped; the data is kept$/m);

  const second = start(t, place);
  await waitFor('the second', () => second.output().includes('Ctrl-C stops'));
  assert.match(second.output(), /: 2 entries, compared with the baseline of an earlier start$/m);
});

test('a second npm start is refused with a cure, and one that was killed leaves nothing in the way', async (t) => {
  const place = await scratchPlace(t);
  const first = start(t, place);
  await waitFor('the introduction', () => first.output().includes('Ctrl-C stops'));
  const log = await readFile(join(place.data, 'collector.log'), 'utf8');

  const second = start(t, place);
  assert.equal(await second.ended, 1);
  assert.match(second.output(), new RegExp(`already runs on .*, as process ${first.pid}; stop it first`));
  assert.doesNotMatch(second.output(), /the collector listens/);
  assert.ok(
    (await readFile(join(place.data, 'collector.log'), 'utf8')).startsWith(log),
    'its log is untouched',
  );

  first.kill('SIGKILL');
  await first.ended;
  const third = start(t, place);
  await waitFor('the third', () => third.output().includes('Ctrl-C stops'));
  assert.match(third.output(), /ending process \d+, left behind by an npm start that was killed/);
});

test('SIGTERM to npm itself ends everything that it started', async (t) => {
  const place = await scratchPlace(t);
  const npm = spawn('npm', ['start'], {
    cwd: projectRoot,
    env: { ...process.env, ...place.environment },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => npm.on('close', resolve));
  const ready = () =>
    call(place.url, '/readyz')
      .then(({ status }) => status === 200)
      .catch(() => false);
  const named = async () => (await readFile(join(place.data, 'processes'), 'utf8')).match(/^\d+/gm);
  await waitFor('npm start', ready);
  const pids = await waitFor('its programs', async () => {
    const all = await named();
    return all?.length === 3 && all.map(Number);
  });
  t.after(() => pids.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL')));
  npm.kill('SIGTERM');
  await ended;
  await waitFor('the three processes to end', () => !pids.some(isAlive));
});

test('a port that another server has is said, whatever that server answers', async (t) => {
  const place = await scratchPlace(t);
  const other = createServer((_, answer) => answer.end('hello'));
  await new Promise<void>((resolve) => other.listen(place.port, '127.0.0.1', resolve));
  t.after(() => other.close());
  const refused = start(t, place);
  assert.equal(await refused.ended, 1);
  assert.match(refused.output(), /EADDRINUSE/);
  assert.doesNotMatch(refused.output(), /the collector listens/);
});

test('an empty variable counts as not set, and a token that a full disk cut off is made anew', async (t) => {
  const place = await scratchPlace(t);
  await writeFile(join(place.data, 'operator.token'), '');
  const started = start(t, place, {
    HOLDFAST_OPERATOR_TOKEN: '',
    HOLDFAST_LISTEN: `:${place.port}`,
    HOLDFAST_NODE_NAME: '',
  });
  await waitFor('the introduction', () => started.output().includes('Ctrl-C stops'));
  assert.match(await readFile(join(place.data, 'operator.token'), 'utf8'), /^hf_operator_[\w-]{43}\n$/);
});

test('what npm start cannot use is said before anything starts', async (t) => {
  const place = await scratchPlace(t);
  const mine = join(place.data, 'mine');
  await writeFile(mine, 'precious-precious-token\n');
  const cases: [NodeJS.ProcessEnv, RegExp][] = [
    [
      { HOLDFAST_RETENTION_DAY: '1' },
      /RETENTION_DAY: is not an option; did you mean HOLDFAST_RETENTION_DAYS\?/,
    ],
    [{ HOLDFAST_SCOPE_FILE: join(place.data, 'none') }, /HOLDFAST_SCOPE_FILE: \S+none: ENOENT/],
    [
      { HOLDFAST_OPERATOR_TOKEN: 'o'.repeat(20), HOLDFAST_OPERATOR_TOKEN_FILE: mine },
      /HOLDFAST_OPERATOR_TOKEN and HOLDFAST_OPERATOR_TOKEN_FILE: set one/,
    ],
    [{ HOLDFAST_AGENT_TOKEN_FILE: join(place.data, 'none') }, /none/],
  ];
  for (const [environment, said] of cases) {
    const refused = start(t, place, environment);
    assert.equal(await refused.ended, 1);
    assert.match(refused.output(), said);
  }
  assert.equal(await readFile(mine, 'utf8'), 'precious-precious-token\n');
});

test('paths that cannot be read are printed, and never end in "clean"', () => {
  const paths = (count: number) =>
    new Map(Array.from({ length: count }, (_, i) => [`/etc/${i}`, `/etc/${i}  (permission)`]));
  const none = { drift: new Map(), unknown: new Map() };
  const drifting = { drift: new Map([['/etc/a', 'changed  /etc/a']]), unknown: paths(1) };
  assert.deepEqual(difference(none, drifting), ['drift  changed  /etc/a', 'unknown  /etc/0  (permission)']);
  assert.deepEqual(difference(drifting, { drift: new Map(), unknown: paths(1) }), [
    'ended  /etc/a',
    'unknown  nothing drifts of what could be read; 1 paths could not',
  ]);
  assert.deepEqual(difference({ ...none, unknown: paths(1) }, none), [
    'known again  /etc/0',
    'clean  nothing drifts',
  ]);
  const many = difference(none, { ...none, unknown: paths(1000) });
  assert.equal(many.length, 21);
  assert.equal(many.at(-1), 'unknown  … and 980 paths more');
});

interface Place {
  readonly data: string;
  readonly tree: string;
  readonly port: number;
  readonly url: string;
  readonly environment: NodeJS.ProcessEnv;
}

async function scratchPlace(t: TestContext): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-start-'));
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const [data, tree, scope] = ['data', 'tree', 'scope.yaml'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(tree);
  await mkdir(data);
  await writeFile(join(tree, 'a.conf'), 'a');
  await writeFile(scope, `version: 1\npaths:\n  - path: ${tree}\n`);
  const port = await freePort();
  const environment = {
    HOLDFAST_DATA_DIR: data,
    HOLDFAST_LISTEN: `127.0.0.1:${port}`,
    HOLDFAST_SCOPE_FILE: scope,
  };
  return { data, tree, port, url: `http://127.0.0.1:${port}`, environment };
}

/** `scripts/start.ts` itself; told to stop when the test ends, so that its programs do too. */
function start(t: TestContext, place: Place, environment: NodeJS.ProcessEnv = {}) {
  const program = startProcess([join(projectRoot, 'scripts/start.ts')], {
    ...place.environment,
    ...environment,
  });
  t.after(async () => {
    program.kill('SIGTERM');
    await program.ended;
  });
  return program;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

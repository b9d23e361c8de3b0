/** Processes are killed, too, at fewer points: test/faults/acceptance-killed.test.ts. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import Sqlite, { type Database } from 'better-sqlite3';
import { firstProblem } from '#store/inspect-database';
import { databaseName } from '#store/sqlite-store';
import type { Store } from '#store/store';
import { entryOfFile, plainFile, TwoEngineNode } from '#store/test-aide';
import { type Disk, disksBetween, type KillPoint, KillPoints } from '#store/test-kill-points';
import { CollectorApp } from '../../../test/harness/collector-app.ts';
import { waitFor } from '../../../test/harness/wait.ts';

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-kill-points-'));
after(() => rmSync(scratch, { recursive: true }));
let copies = 0;

/** How the same statements reach the disk at other times. */
const ways = [
  ['as it is configured', 'cache_spill = ON'],
  ['where what is not committed is written too', 'cache_size = 16'],
  ['where each commit is carried over into the database', 'wal_autocheckpoint = 1'],
] as const;

type Row = Readonly<Record<string, unknown>>;

/** What whoever opens a disk finds there. */
interface Found {
  readonly disk: Disk;
  readonly tables: Readonly<Record<string, readonly Row[]>>;
}

/** What there is to be found on all disks of recordings that begin alike, each whole in itself: one object a content. */
class Finds {
  readonly all: Found[] = [];
  readonly #byImage = new Map<string, Found>();
  readonly #byContent = new Map<string, Found>();

  in(disk: Disk): Found {
    const directory = copyOf(disk);
    const db = new Sqlite(join(directory, databaseName), { readonly: true });
    try {
      const image = hash('sha1', db.serialize());
      const found = this.#byImage.get(image) ?? this.#read(db, disk);
      this.#byImage.set(image, found);
      return found;
    } finally {
      db.close();
      rmSync(directory, { recursive: true });
    }
  }

  #read(db: Database, disk: Disk): Found {
    mustBeWhole(db);
    const tables = tablesOf(db);
    const content = JSON.stringify(tables);
    const known = this.#byContent.get(content);
    if (known) return known;
    const found = { disk, tables };
    this.#byContent.set(content, found);
    this.all.push(found);
    return found;
  }
}

function copyOf({ database, log }: Disk): string {
  const directory = join(scratch, String(copies++));
  mkdirSync(directory);
  writeFileSync(join(directory, databaseName), database);
  writeFileSync(join(directory, `${databaseName}-wal`), log);
  return directory;
}

function mustBeWhole(db: Database): void {
  assert.equal(firstProblem(db, 'integrity_check'), null);
  assert.deepEqual(db.pragma('foreign_key_check'), []);
  const miscounted = db.prepare(
    `SELECT fingerprint, count(drift.id) AS counted, max(drifts) AS drifts
     FROM drift FULL JOIN drift_change USING (fingerprint) GROUP BY fingerprint HAVING counted IS NOT drifts`,
  );
  assert.deepEqual(miscounted.all(), []);
}

function tablesOf(db: Database): Record<string, Row[]> {
  const names = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  return Object.fromEntries(names.map((name) => [name, db.prepare<[], Row>(`SELECT * FROM ${name}`).all()]));
}

type Judge = (found: Found, isAnswered: boolean) => void;

/** Judges what is found at each point, and wherever a kill may fall while a statement writes. */
function judgeAll(points: readonly KillPoint[], finds: Finds, judge: Judge): void {
  const judged = { before: new Set<Found>(), answered: new Set<Found>() };
  const judgeDisk = (disk: Disk, isAnswered: boolean) => {
    const found = finds.in(disk);
    const known = isAnswered ? judged.answered : judged.before;
    if (!known.has(found)) judge(found, isAnswered);
    known.add(found);
  };
  let before = points[0]!;
  judgeDisk(before.disk, before.isAnswered);
  for (const point of points) {
    const isWritten = point.disk !== before.disk;
    if (isWritten)
      for (const disk of disksBetween(before.disk, point.disk)) judgeDisk(disk, before.isAnswered);
    if (isWritten || point.isAnswered !== before.isAnswered) judgeDisk(point.disk, point.isAnswered);
    before = point;
  }
}

const names = ['n1', 'n2', 'n3', 'n4', 'n5'];

/** Nodes that drift alike, as both engines see it, and one that drifts in another file besides. */
async function seed() {
  await using app = await CollectorApp.open();
  const nodes = await Promise.all(names.map((name) => drifting(app.store, name)));
  await nodes[0]!.change('/etc/c', { content: 'own' });
  return { nodes, disk: await closed(app) };
}

/** A job that nobody has begun with, over a row that stands on the last node no more. */
async function seedJob({ nodes, disk }: Awaited<ReturnType<typeof seed>>): Promise<Disk> {
  await using app = await CollectorApp.open({}, copyOf(disk));
  const row = await commonRow(app.store);
  const fingerprints = row.changes.map(({ fingerprint }) => fingerprint);
  await app.store.jobs.create({ row: row.id, fingerprints, who: 'ada', reason: null, createdAt: app.now });
  const movedOn = entryOfFile('/etc/a', { ...plainFile, content: 'moved on' });
  await nodes.at(-1)!.agent.tell(app.store, [movedOn]);
  return await closed(app);
}

async function closed(app: CollectorApp): Promise<Disk> {
  await app.store[Symbol.asyncDispose]();
  return { database: readFileSync(join(app.directory, databaseName)), log: Buffer.of() };
}

async function commonRow(store: Store) {
  const { rows } = await store.fleet.view();
  return rows.find(({ nodes }) => nodes === names.length)!;
}

async function drifting(store: Store, name: string): Promise<TwoEngineNode> {
  const files = { '/etc/a': {}, '/etc/b': {}, '/etc/c': {} };
  const node = await new TwoEngineNode(store, files, name).introduce();
  node.put('/etc/a', { content: 'upgraded', mode: 0o600 });
  node.put('/etc/new', { content: 'new' });
  await node.runAide();
  // AIDE's baseline follows an acceptance of this one only after its next run.
  await node.change('/etc/b', null);
  return node;
}

/** What a collector that takes up `disk` leaves at each point of `work`, and what has become of the nodes in the end. */
async function record(disk: Disk, pragma: string, work: (app: CollectorApp) => Promise<void>) {
  await using app = await CollectorApp.open({}, copyOf(disk));
  using kills = new KillPoints(join(app.directory, databaseName));
  app.app.addHook('onSend', async (_request, { statusCode }) => {
    kills.isAnswered ||= statusCode === 200 || statusCode === 202;
  });
  await app.store.auditHead();
  kills.set(pragma);
  const points = await kills.record(() => work(app));
  return { points, outcome: await outcomeOf(app.store) };
}

async function post(app: CollectorApp, url: string, body: object, status: number): Promise<void> {
  const reply = await app.call('POST', url, { body });
  assert.equal(reply.status, status, reply.text);
}

/** Whatever a new collector makes of what it finds, once no job runs. */
async function takenUp({ disk }: Found) {
  await using app = await CollectorApp.open({}, copyOf(disk));
  await app.app.ready();
  await jobsEnd(app.store);
  return await outcomeOf(app.store);
}

const jobsEnd = (store: Store) =>
  waitFor('all jobs to end', async () => (await store.jobs.running()) === null);

type Outcome = Awaited<ReturnType<typeof outcomeOf>>;

async function outcomeOf(store: Store) {
  assert.equal((await store.verifyAudit(null)).problem, null);
  const audit = await store.audit(null, 1000);
  const nodes = [];
  for (const { state } of await store.nodes()) {
    const { name, observed, baseline } = state;
    const paths = async (digest: string) => {
      const slices = [];
      for await (const entries of store.manifestEntries(digest)) slices.push(entries.map(({ path }) => path));
      return slices.flat();
    };
    nodes.push({
      name,
      sequence: baseline!.sequence,
      observed: await paths(observed!),
      baseline: await paths(baseline!.manifest),
      standing: (await store.standingDrift(name)).map(({ path }) => path),
      aide: state.aide,
      audit: audit.filter(({ node }) => node === name).map(({ action }) => action),
      events: (await store.events(name, 0, 1000)).map(({ kind, path }) => `${kind} ${path}`),
    });
  }
  const [job = null] = await store.jobs.list(null, 10);
  return { nodes, job, results: job && (await store.jobs.nodes(job.id, '', 100)) };
}

/** Everything that the database holds of a node, but for how it stands in a job. */
function rowsOf({ tables }: Found, name: string): readonly Row[] {
  const { id } = tables['node']!.find((row) => row['name'] === name)!;
  return Object.entries(tables).flatMap(([table, rows]) =>
    table === 'job_node'
      ? []
      : rows.filter((row) => (table === 'node' ? row['id'] === id : [id, name].includes(row['node']))),
  );
}

/** Of each node: all is as before the acceptance or all is as in the end, and its result in the job says which. */
function judgeJob(before: Found, end: Found): Judge {
  return (found, isAnswered) => {
    const { node: nodes, job: jobs, job_node: results, audit } = found.tables;
    const [job, ...more] = jobs!;
    assert.deepEqual(more, []);
    assert.ok(job || !isAnswered, 'what was acknowledged is there');
    assert.equal(audit!.filter(({ action }) => action === 'accept-row').length, job ? 1 : 0);
    assert.equal(results!.length, job ? names.length : 0);
    for (const name of names) {
      const { id } = nodes!.find((row) => row['name'] === name)!;
      const isDone = results!.some(({ node, outcome }) => node === id && outcome !== 'pending');
      assert.deepEqual(rowsOf(found, name), rowsOf(isDone ? end : before, name));
      assert.ok(isDone || !job?.['ended_at']);
    }
  };
}

/** Whether it reached the disk in the way that is meant to be tried. */
function mustWrite(points: readonly KillPoint[], pragma: string): void {
  const first = points[0]!.disk;
  const written = points.filter(({ disk }, i) => i > 0 && disk !== points[i - 1]!.disk);
  assert.equal(
    written.some(({ after }) => after !== 'COMMIT'),
    pragma === 'cache_size = 16',
  );
  assert.equal(
    written.some(({ disk }) => !disk.database.equals(first.database)),
    pragma === 'wal_autocheckpoint = 1',
  );
}

describe('a kill between any two steps of an acceptance', async () => {
  const seeded = await seed();
  const onOne = new Finds();
  const onMany = new Finds();
  const takenUpBefore = new Set<Found>();

  /** Each content that a kill leaves of a job is taken up, and comes to the same. */
  async function goesOn(finds: Finds, outcome: Outcome): Promise<void> {
    for (const found of finds.all) {
      if (found.tables['job']!.length === 0 || takenUpBefore.has(found)) continue;
      takenUpBefore.add(found);
      assert.deepEqual(await takenUp(found), outcome);
    }
  }

  for (const [how, pragma] of ways) {
    it(`leaves all of it or nothing on a node, ${how}`, async () => {
      const body = { paths: ['/etc/a', '/etc/b', '/etc/new'] };
      const { points, outcome } = await record(seeded.disk, pragma, (app) =>
        post(app, '/api/v1/nodes/n1/baseline', body, 200),
      );
      mustWrite(points, pragma);
      const [before, end] = [onOne.in(points[0]!.disk), onOne.in(points.at(-1)!.disk)];
      judgeAll(points, onOne, (found, isAnswered) => {
        assert.ok(found === end || (found === before && !isAnswered));
      });
      assert.deepEqual(await takenUp(end), outcome);
    });

    it(`leaves a job that accepts once on each node, ${how}`, async () => {
      const { points, outcome } = await record(seeded.disk, pragma, async (app) => {
        await post(app, '/api/v1/drift/accept', { row: (await commonRow(app.store)).id }, 202);
        await jobsEnd(app.store);
      });
      mustWrite(points, pragma);
      judgeAll(points, onMany, judgeJob(onMany.in(points[0]!.disk), onMany.in(points.at(-1)!.disk)));
      await goesOn(onMany, outcome);
      assert.deepEqual(
        outcome.nodes.map(({ sequence, audit, standing }) => [sequence, audit, standing]),
        names.map((name) => [2, ['accept', 'accept-initial'], name === 'n1' ? ['/etc/c'] : []]),
      );
    });
  }

  it('leaves a job that refuses once on a node that has moved on', async () => {
    const finds = new Finds();
    const { points, outcome } = await record(await seedJob(seeded), ways[0][1], async (app) => {
      await app.app.ready();
      await jobsEnd(app.store);
    });
    judgeAll(points, finds, judgeJob(finds.in(points[0]!.disk), finds.in(points.at(-1)!.disk)));
    await goesOn(finds, outcome);
    assert.deepEqual(
      outcome.nodes.map(({ sequence }) => sequence),
      [2, 2, 2, 2, 1],
    );
  });
});

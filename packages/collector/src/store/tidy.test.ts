import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyBucketDigest } from '@holdfast/shared/manifest';
import Sqlite from 'better-sqlite3';
import { decideRestoration, decideUndo } from '#core/restore-baseline';
import { BucketMarks, markOffsets } from '#store/bucket-marks';
import { keptBaselines } from '#store/old-baselines';
import { databaseName } from '#store/sqlite-store';
import { file, openTestStore, scattered, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');

test('marks find every digest that was added, at every offset', () => {
  const digests = Array.from({ length: 50 }, (_, i) => i.toString(16).padStart(64, 'a9f'));
  for (let offset = 0; offset < markOffsets; offset++) {
    const marks = new BucketMarks(offset);
    for (const digest of digests) marks.add(digest);
    assert.ok(digests.every((digest) => marks.has(digest)));
  }
  assert.equal(new BucketMarks(0).has('0'.repeat(64)), false);
});

test('events and ended drift older than the retention go; what stands and what is younger stays', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  await agent.tell(store, [file('/etc/hosts', 'b'), file('/etc/new')]);
  await agent.tell(store, [hosts]);
  const before = agent.now + 1;
  await agent.tell(store, [file('/etc/hosts', 'b')]);
  const { events, drifts } = await store.tidy(before);
  assert.deepEqual([events, drifts], [5, 1]);
  assert.deepEqual(await agent.history(store), ['changed /etc/hosts untold']);
  assert.deepEqual(await agent.standing(store), ['changed /etc/hosts', 'added /etc/new']);
  assert.equal((await store.standingDrift('n1'))[0]?.occurrences, 1);
  const none = { events: 0, drifts: 0, sweeps: 0, baselines: 0, manifests: 0, buckets: 0 };
  assert.deepEqual(await store.tidy(before), none);
});

test('old baselines go, with what only they held, but for the newest; an undo then goes back as far as there is one', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  for (let i = 0; i < keptBaselines + 4; i++) {
    await agent.tell(store, [file('/etc/hosts', String.fromCharCode(98 + i))]);
    await agent.mustAccept(store);
  }
  const sequences = async () => (await store.baselines('n1')).map(({ sequence }) => sequence);
  assert.equal((await store.tidy(0)).baselines, 0, 'what is young stays');
  const restore = (sequence: number) =>
    store.decide('n1', (view) =>
      decideRestoration(view, { sequence, ifMatch: null, who: 'ada', reason: null }, agent.now),
    );
  await restore(2);
  const { baselines, buckets } = await store.tidy(agent.now + 1);
  assert.deepEqual([baselines, buckets], [6, 5], 'the second is in force again');
  assert.deepEqual((await sequences()).length, keptBaselines);
  assert.ok('refused' in (await restore(3)));
  const undone = await store.decide('n1', (view) =>
    decideUndo(view, { ifMatch: null, who: 'ada', reason: null }, agent.now),
  );
  assert.ok('refused' in undone && undone.refused.code === 'not-found', 'not to one that came after it');
});

test('where the database holds more than it may, younger baselines go too', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  await agent.introduce(store);
  for (let i = 0; i < keptBaselines + 2; i++) {
    await agent.tell(store, [file('/etc/hosts', String.fromCharCode(98 + i))]);
    await agent.mustAccept(store);
  }
  assert.equal((await store.tidy(0, 0)).baselines, 3);
  assert.equal((await store.baselines('n1')).length, keptBaselines);
});

test('buckets that only a replaced manifest held go, and no other', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const paths = scattered('/etc', 40);
  const agent = new TestAgent(
    'n1',
    paths.map((path) => file(path)),
  );
  await agent.introduce(store);
  await agent.tell(
    store,
    paths.slice(0, 10).map((path) => file(path, 'b')),
  );
  await agent.tell(
    store,
    paths.slice(0, 10).map((path) => file(path, 'c')),
  );
  assert.equal((await store.tidy(0)).buckets, 10);
  const read = async (digest: string) => {
    let entries = 0;
    for await (const slice of store.manifestEntries(digest)) entries += slice.length;
    return entries;
  };
  const { state } = (await store.node('n1'))!;
  assert.equal(await read(state.observed!), 40);
  assert.equal(await read(state.baseline!.manifest), 40);
});

for (let turns = 0; turns < 8; turns++) {
  test(`a bucket that comes back into use ${turns} turns into a sweep is not lost`, async () => {
    let begun = () => {};
    const sweepBegins = new Promise<void>((resolve) => (begun = resolve));
    await using opened = await openTestStore({
      limits: { maxBatchOperations: 1 },
      random: () => (begun(), 0),
    });
    const { store, dataDir } = opened;
    const agent = new TestAgent('n1', [hosts]);
    await agent.introduce(store);
    await agent.tell(store, [file('/etc/hosts', 'b')]);
    await agent.tell(store, [hosts]);
    const sweeping = store.tidy(0);
    await sweepBegins;
    for (let turn = 0; turn < turns; turn++) await store.isWritable();
    await agent.tell(store, [file('/etc/hosts', 'b')]);
    await sweeping;
    assert.deepEqual(missingBuckets(dataDir), []);
  });
}

function missingBuckets(dataDir: string): string[] {
  const db = new Sqlite(join(dataDir, databaseName), { readonly: true });
  const held = new Set(db.prepare<[], string>('SELECT lower(hex(digest)) FROM bucket').pluck().all());
  const needed = db.prepare<[], string>('SELECT lower(hex(buckets)) FROM manifest').pluck().all();
  db.close();
  const digests = needed.flatMap((all) => all.match(/.{64}/g) ?? []);
  return digests.filter((digest) => digest !== emptyBucketDigest && !held.has(digest));
}

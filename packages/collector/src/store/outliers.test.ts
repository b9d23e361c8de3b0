import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { outlierLimits, outlierStore } from '#store/outliers';
import { databaseName } from '#store/sqlite-store';
import { prepareTables } from '#store/tables';
import { file, openTestStore, scattered, TestAgent } from '#store/test-node';

/** What a file of ours holds is told by its first character. */
const own = (n: number) => String.fromCodePoint(98 + n);
const image = scattered('/etc', 400).map((path) => file(path));

test('the limits of a look at odd nodes are kept, and what is left out is counted', async () => {
  await using opened = await openTestStore();
  for (let n = 0; n < 20; n++) {
    const odd = n < 3 ? image.slice(0, 10).map(({ path }) => file(path, own(n))) : [];
    const entries = new Map([...image, ...odd].map((entry) => [entry.path, entry]));
    entries.set('/etc/machine-id', file('/etc/machine-id', own(n)));
    await new TestAgent(`n${n}`, [...entries.values()]).introduce(opened.store);
  }
  using db = Object.assign(new Sqlite(join(opened.dataDir, databaseName), { readonly: true }), {
    [Symbol.dispose]: () => db.close(),
  });
  const nodes = [...prepareTables(db).nodes.all()];
  const look = (limits: Partial<typeof outlierLimits>) =>
    outlierStore(db, () => nodes, { ...outlierLimits, ...limits }).look();

  const whole = await look({});
  assert.deepEqual(
    whole.nodes.map(({ node, paths, shown }) => [node, paths, shown.length]),
    [
      ['n0', 10, 10],
      ['n1', 10, 10],
      ['n2', 10, 10],
    ],
  );
  assert.deepEqual([whole.hiddenNodes, whole.bucketsLeftOut], [0, 0]);

  const narrow = await look({ nodes: 1, pathsPerNode: 4 });
  assert.deepEqual([narrow.nodes[0]?.paths, narrow.nodes[0]?.shown.length], [10, 4]);
  assert.deepEqual([narrow.nodes.length, narrow.hiddenNodes], [1, 2]);

  const cheap = await look({ buckets: 50 });
  assert.equal(cheap.nodes[0]?.paths, 10, 'the bucket of the machine-ids has 20 forms and comes last');
  assert.equal(cheap.bucketsLeftOut, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { fingerprintBytes } from '#core/drift-fingerprint';
import { fleetDrift } from '#store/fleet-drift';
import { migrate } from '#store/migrate';

const nodes = 5001;

/** Nodes `n-00001` and so on, without reports. */
function openFleet() {
  const db = new Sqlite(':memory:');
  migrate(db);
  db.exec(`
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ${nodes})
    INSERT INTO node (id, name, first_seen_at, instance, retired, agent, health, blind_spots, journal, events_stored,
      drift_added, drift_removed, drift_changed, unknown_paths)
    SELECT n, printf('n-%05d', n), 0, '', '', '', '', '', '', 0, 0, 0, 0, 0 FROM number`);
  const start = db.prepare(
    `INSERT INTO drift (node, bucket, path, change, fingerprint, mark, first_seen_at) VALUES (?, 0, ?, 'added', ?, 1, 0)`,
  );
  return {
    db,
    start: (path: string, node: number) => start.run(node, path, Buffer.alloc(fingerprintBytes, path)),
  };
}

function fleetOf(db: Sqlite.Database) {
  const liveNodes = () => Array.from({ length: nodes }, (_, i) => i + 1);
  return fleetDrift(db, {
    revision: () => 0,
    liveNodes,
    random32: () => Math.floor(Math.random() * 2 ** 32),
  });
}

test('the nodes of a row are found wherever they are, in steps between which others get their turn', async () => {
  const { db, start } = openFleet();
  for (const node of [1, 2000, 2001, 4001, nodes]) start('/few', node);
  start('/one', 3000);
  for (let node = 1; node <= nodes; node++) start('/all', node);
  const fleet = fleetOf(db);
  const [all, few, one] = (await fleet.view()).rows;
  assert.deepEqual([all?.nodes, few?.nodes, one?.nodes], [nodes, 5, 1]);

  let turns = 0;
  setImmediate(() => (turns += 1));
  const names = await fleet.nodesOf(few!, '', 10);
  assert.deepEqual(names, ['n-00001', 'n-02000', 'n-02001', 'n-04001', 'n-05001']);
  assert.equal(turns, 1, 'nobody else had a turn');
  assert.deepEqual(await fleet.nodesOf(few!, 'n-00001', 2), ['n-02000', 'n-02001']);
  assert.deepEqual(await fleet.nodesOf(few!, 'n-04001', 10), ['n-05001']);
  assert.deepEqual(await fleet.nodesOf(one!, '', 10), ['n-03000']);
  assert.deepEqual(await fleet.nodesOf(one!, 'n-03000', 10), []);
  assert.equal((await fleet.nodesOf(all!, '', 10_000)).length, nodes);

  db.exec('UPDATE node SET deleted_at = 1 WHERE id IN (2000, 3000)');
  assert.deepEqual(await fleet.nodesOf(few!, '', 3), ['n-00001', 'n-02001', 'n-04001']);
  assert.deepEqual(await fleet.nodesOf(one!, '', 10), []);
  db.close();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FleetGrouping, type FleetRow, type FleetView, type NodeKeys, rowId } from '#core/fleet-rows';

function keysOf(nodes: number): NodeKeys {
  const keys = new Map<number, readonly [number, number, number]>();
  for (let node = 1; node <= nodes; node++) {
    const key = [1, 2, 3].map((i) => Math.imul(node * 2_654_435_761, i * 40_503 + node) >>> 0);
    keys.set(node, key as [number, number, number]);
  }
  return keys;
}

function finished(grouping: FleetGrouping): FleetView {
  const steps = grouping.finish();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

function group(nodes: number, changes: Readonly<Record<string, readonly number[]>>) {
  const grouping = new FleetGrouping(keysOf(nodes));
  for (const [fingerprint, on] of Object.entries(changes)) {
    for (const node of on) grouping.add(fingerprint, node, 100 + node);
  }
  const shown = (row: FleetRow) => row.changes.map(({ fingerprint }) => fingerprint).join();
  return finished(grouping).rows.map((row) => [row.nodes, shown(row)]);
}

test('changes that stand on the same nodes are one row, those with most nodes first', () => {
  assert.deepEqual(group(4, { a: [1, 2, 3], b: [1, 2, 3], c: [4], d: [1, 2, 3] }), [
    [3, 'a,b,d'],
    [1, 'c'],
  ]);
});

test('what one node has on top of the others is a row of its own', () => {
  assert.deepEqual(group(3, { a: [1, 2, 3], b: [1, 2, 3], own: [2] }), [
    [3, 'a,b'],
    [1, 'own'],
  ]);
});

test('as many nodes, but others, are another row', () => {
  assert.deepEqual(group(4, { a: [1, 2], b: [3, 4], c: [1, 4] }).length, 3);
});

test('nodes without a key are left out, and with them what only they have', () => {
  assert.deepEqual(group(2, { a: [1, 2, 9], b: [9] }), [[2, 'a']]);
});

test('a row is named after its changes alone', () => {
  const rows = (on: number[]) => {
    const grouping = new FleetGrouping(keysOf(3));
    for (const fingerprint of ['a', 'b']) for (const node of on) grouping.add(fingerprint, node, node);
    return finished(grouping).rows[0]?.id;
  };
  assert.equal(rows([1, 2]), rows([1, 2, 3]));
  assert.equal(rows([1]), rowId(['a', 'b']));
});

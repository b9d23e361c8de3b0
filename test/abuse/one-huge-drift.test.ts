/** 100,000 paths of one node drift at once: all of it is known and shown, and the others go on. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import { CollectorApp } from '../harness/collector-app.ts';
import { type SyntheticNode, syntheticFleet } from '../harness/synthetic-fleet.ts';

const paths = 100_000;

test('a drift of 100,000 paths is taken and shown whole, bounded on /metrics, and accepted by one call', async () => {
  await using app = await CollectorApp.open();
  // The second has all of the first's paths, with other contents: it plays the first after the change.
  const [before, after] = syntheticFleet({ nodes: 2, entries: paths, own: paths }) as [
    SyntheticNode,
    SyntheticNode,
  ];
  const { name } = before;
  await app.taken(before, before.first());
  const changed = after.resynchronisation(
    before.base,
    Array.from({ length: 256 }, () => ''),
  );
  const reply = await app.report(name, changed);
  assert.equal(reply.status, 200, reply.text);
  const { json } = await app.call('GET', `/api/v1/nodes/${name}`);
  assert.deepEqual([json.status, json.counts.drift.changed], ['drifting', paths]);

  const { text } = await app.call('GET', '/metrics');
  assert.equal(text.match(/^aide_drift_detected\{/gm)?.length, 200);
  assert.match(
    text,
    new RegExp(`^holdfast_node_drift_paths_hidden\\{node="${name}"\\} ${paths - 200}$`, 'm'),
  );

  using delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const shown = await app.call('GET', `/api/v1/nodes/${name}/drift`);
  delay.disable();
  assert.equal(shown.json.drift.length, paths);
  assert.ok(delay.percentile(50) < 100e6, `half of the turns took ${delay.percentile(50) / 1e6} ms or more`);

  const accepted = await app.call('POST', `/api/v1/nodes/${name}/baseline`);
  assert.deepEqual([accepted.json.accepted, accepted.json.remaining], [paths, 0]);
});

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Manifest } from '@holdfast/shared/manifest';
import { type Disturbance, TestCollector } from './test-collector.ts';
import { file, startTestNode, TestObservation, until } from './test-node.ts';

/** mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const disturbances: readonly Disturbance[] = [
  { kind: 'answer', status: 500 },
  { kind: 'answer', status: 503, retryAfter: '0' },
  { kind: 'answer', status: 502, body: '<html>' },
  { kind: 'answer', status: 200, body: '{"observed":1}' },
  { kind: 'answer', status: 409, body: 'conflict' },
  { kind: 'answer', status: 413 },
  { kind: 'answer', status: 302 },
  { kind: 'problem', code: 'unauthenticated' },
  { kind: 'problem', code: 'scope-unknown' },
  { kind: 'problem', code: 'too-many-requests' },
  { kind: 'cut' },
  { kind: 'lose-answer' },
  { kind: 'lose-answer' },
  { kind: 'hang' },
];

const files = 200;

for (const seed of [1, 2, 3, 4]) {
  test(`whatever fails in between, collector and agent agree in the end (seed ${seed})`, async () => {
    const random = seeded(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const statePath = await mkdtemp(join(tmpdir(), 'holdfast-agent-'));
    await using collector = await TestCollector.start();
    collector.disturb = () => (random() < 0.5 ? disturbances[below(disturbances.length)]! : null);
    const told: [path: string, size: number | undefined][] = [];
    let entries = Array.from({ length: files }, (_, n) => file(n, 0));
    for (let start = 0; start < 4; start++) {
      const observation = new TestObservation();
      observation.onChange((changes) => {
        for (const { path, after } of changes) told.push([path, after?.size]);
      });
      await using node = await startTestNode(collector.url, {
        statePath,
        observation,
        reportTimeoutMs: 40,
        heartbeatSeconds: 0.05,
        random,
        backoff: { minMs: 1, maxMs: 8 },
      });
      if (random() < 0.5) await sleep(below(20));
      observation.manifest = new Manifest(observation.scope.digest, entries);
      observation.tellState();
      for (let step = 0; step < 40; step++) {
        const count = 1 + below(5);
        observation.change(
          ...Array.from({ length: count }, () => [below(files), random() < 0.2 ? null : below(1e6)] as const),
        );
        if (random() < 0.5) await sleep(below(6));
        if (random() < 0.02) collector.epoch = `epoch-${random()}`;
      }
      entries = [...observation.manifest.entries()];
      if (start === 3) {
        collector.disturb = () => null;
        const digest = observation.manifest.digest();
        await until(() => collector.digest === digest && node.outbox.waiting === 0, 'agreement');
        assert.deepEqual([...observation.manifest.entries()].length, node.observation.manifest?.size);
      }
    }
    assert.equal(new Set(collector.events.map(({ journal }) => journal)).size, 1);
    assert.deepEqual(
      collector.events.map(({ event }) => event.position),
      told.map((_, i) => i + 1),
    );
    assert.deepEqual(
      collector.events.map(({ event }) => [event.path, event.after?.size]),
      told,
    );
    await rm(statePath, { recursive: true });
  });
}

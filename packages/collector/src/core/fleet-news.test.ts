import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type FleetSight,
  isDue,
  longestWaitMs,
  newsRows,
  nodeNews,
  type Pace,
  paceOf,
  quietMs,
  type Told,
  toldAfter,
} from '#core/fleet-news';

const limits = { quietMs, longestWaitMs };
const nothing: Told = { mark: 0, drifting: [], silent: [] };

function sight(part: Partial<Record<'drifting' | 'silent' | 'speaking' | 'live', string[]>>, mark = 0) {
  const { drifting = [], silent = [], speaking = [] } = part;
  const live = part.live ?? [...drifting, ...silent, ...speaking];
  const made: FleetSight = {
    mark,
    drifting: new Set(drifting),
    silent: new Set(silent),
    speaking: new Set(speaking),
    live: new Set(live),
  };
  return made;
}

describe('news of the fleet', () => {
  it('tells silence, speech and recovery once each', () => {
    const told: Told = { mark: 5, drifting: ['a', 'b'], silent: ['c', 'd'] };
    const now = sight({ drifting: ['b'], silent: ['d', 'e'], speaking: ['a', 'b', 'c'] }, 5);
    assert.deepEqual(nodeNews(told, now), { silent: ['e'], speakAgain: ['c'], recovered: ['a'] });
    const next = toldAfter(told, now, new Set());
    assert.deepEqual(next, { mark: 5, drifting: ['b'], silent: ['d', 'e'] });
    assert.equal(paceOf(null, next, now, 0), null);
  });

  it('says nothing of a silent node that has not reported since the collector started', () => {
    const told: Told = { ...nothing, silent: ['a'] };
    const restarted = sight({ live: ['a'] });
    assert.deepEqual(nodeNews(told, restarted).speakAgain, []);
    assert.deepEqual(toldAfter(told, restarted, new Set()).silent, ['a']);
  });

  it('takes a node that was deleted for neither recovered nor speaking', () => {
    const told: Told = { ...nothing, drifting: ['a'], silent: ['b'] };
    assert.deepEqual(nodeNews(told, sight({})), { silent: [], speakAgain: [], recovered: [] });
    assert.deepEqual(toldAfter(told, sight({}), new Set()), nothing);
  });

  it('says nothing of the recovery of a node whose drift nobody was told of', () => {
    const expected = toldAfter(nothing, sight({ drifting: ['a'] }, 3), new Set());
    assert.deepEqual(expected, { ...nothing, mark: 3 });
    assert.deepEqual(nodeNews(expected, sight({ live: ['a'] }, 3)).recovered, []);
  });

  it('waits while more comes in, but not for ever', () => {
    let pace: Pace | null = null;
    const dueAt: number[] = [];
    for (let now = 0; now <= 600_000; now += 5000) {
      // Something new every 10 s, from the start to 590 s.
      pace = paceOf(pace, nothing, sight({ live: ['a'] }, 1 + Math.min(59, Math.floor(now / 10_000))), now);
      if (isDue(pace!, now, limits)) dueAt.push(now);
    }
    assert.equal(dueAt[0], longestWaitMs);
    const once = paceOf(null, nothing, sight({}, 1), 0)!;
    const still = paceOf(once, nothing, sight({}, 1), quietMs)!;
    assert.deepEqual([isDue(once, quietMs - 1, limits), isDue(still, quietMs, limits)], [false, true]);
  });

  const changesOf = (...fingerprints: string[]) =>
    fingerprints.map((fingerprint) => ({ fingerprint, drift: fingerprint.charCodeAt(0) }));

  it('lists of a row what is new in it, and on how many of its nodes', () => {
    const rows = [
      { id: 'r1', changes: changesOf('a', 'b', 'c'), nodes: 1000 },
      { id: 'r2', changes: changesOf('d'), nodes: 3 },
    ];
    const changes = new Map([
      ['a', 1],
      ['c', 7],
      ['x', 9],
    ]);
    assert.deepEqual(newsRows(rows, changes), [{ row: rows[0], changes: changesOf('a', 'c'), newOn: 7 }]);
  });
});

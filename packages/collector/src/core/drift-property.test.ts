/**
 * Whatever reports and acceptances come, in whatever order: the drift that was kept up step by step is the drift that a
 * comparison from nothing finds, and so are the unknown paths.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareBuckets, type Finding } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';
import { Manifest } from '@holdfast/shared/manifest';
import { compileScope, type Scope, scopeDigest } from '@holdfast/shared/scope';
import { visibilityOf } from '@holdfast/shared/visibility';
import type { Millis } from '#core/node-state';
import { decideRestoration } from '#core/restore-baseline';
import type { Store } from '#store/store';
import { file, openTestStore, TestAgent } from '#store/test-node';

const seeds = 8;
const stepsPerSeed = 30;
const directories = ['/etc/a', '/etc/b', '/usr/c'];
const paths = directories.flatMap((directory) => Array.from({ length: 12 }, (_, i) => `${directory}/${i}`));
const scopes: Scope[] = [
  { version: 1, paths: [{ path: '/etc' }, { path: '/usr' }] },
  { version: 1, paths: [{ path: '/etc' }] },
];

class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  /** 0 to `limit` - 1; the same sequence for the same seed. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

function someEntry(dice: Dice, path: string): Entry {
  const entry = file(path, dice.pick(['a', 'b', 'c']), { mode: dice.pick([0o644, 0o600]) });
  const { sha256: _, size: __, ...blurred } = entry;
  switch (dice.below(8)) {
    case 0:
      return { ...blurred, unread: 'permission' };
    case 1:
      return { ...entry, unread: dice.pick(['stale', 'detached'] as const) };
    case 2:
      return { path, type: 'symlink', target: dice.pick(['x', 'y']) };
    default:
      return entry;
  }
}

async function entriesOf(store: Store, digest: string): Promise<Manifest> {
  const manifest = new Manifest('');
  for await (const slice of store.manifestEntries(digest)) for (const entry of slice) manifest.set(entry);
  return manifest;
}

/** By the rules of shared/compare, from whole manifests. */
async function findFromNothing(store: Store, name: string): Promise<Finding[]> {
  const summary = await store.node(name);
  const { state, baselineScope, observedScope } = summary!;
  const [baseline, observed] = [
    await entriesOf(store, state.baseline!.manifest),
    await entriesOf(store, state.observed!),
  ];
  const compiled = (digest: string | null) =>
    compileScope(scopes.find((scope) => scopeDigest(scope) === digest)!);
  const differ = baselineScope !== observedScope;
  const visibility = visibilityOf(
    state.blindSpots,
    differ ? { baseline: compiled(baselineScope), observed: compiled(observedScope) } : null,
  );
  const all = (manifest: Manifest) => new Map([...manifest.entries()].map((entry) => [entry.path, entry]));
  return compareBuckets(all(baseline), all(observed), visibility);
}

async function step(dice: Dice, agent: TestAgent, store: Store): Promise<void> {
  switch (dice.below(9)) {
    case 0:
      await agent.mustAccept(store);
      return;
    case 1:
      await agent.mustAccept(store, { paths: [dice.pick(directories), `/etc/*/${dice.below(12)}`] });
      return;
    case 2: {
      const baselines = await store.baselines(agent.name);
      const { sequence } = dice.pick(baselines);
      agent.now += 1000;
      const now: Millis = agent.now;
      const wanted = { sequence, ifMatch: null, who: 'ada', reason: null };
      await store.decide(agent.name, (view) => decideRestoration(view, wanted, now));
      return;
    }
    case 3: {
      const scope = dice.pick(scopes);
      const matcher = compileScope(scope);
      agent.rescope(
        scope,
        [...agent.manifest.entries()].filter(({ path }) => matcher.match(path)),
      );
      await agent.send(store, agent.whole());
      return;
    }
    case 4: {
      const path = dice.pick(directories);
      const reason = dice.pick(['missing', 'empty', 'unreadable', 'mount'] as const);
      agent.blindSpots = dice.below(2) === 0 ? [] : [{ path, reason }];
      await agent.tell(store, [], agent.blindSpots.length > 0 ? paths.filter((p) => p.startsWith(path)) : []);
      return;
    }
    default: {
      const matcher = compileScope(agent.scope);
      const touched = new Set(Array.from({ length: 1 + dice.below(6) }, () => dice.pick(paths)));
      const inScope = [...touched].filter((path) => matcher.match(path));
      const removed = inScope.filter(() => dice.below(4) === 0);
      const upserts = inScope.filter((path) => !removed.includes(path)).map((path) => someEntry(dice, path));
      await agent.tell(store, upserts, removed);
    }
  }
}

for (let seed = 1; seed <= seeds; seed++) {
  test(`drift that is kept up is drift that a comparison from nothing finds (seed ${seed})`, async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const dice = new Dice(seed);
    const agent = new TestAgent(`n${seed}`);
    agent.rescope(
      scopes[0]!,
      paths.filter(() => dice.below(3) > 0).map((path) => file(path)),
    );
    await agent.introduce(store);
    for (let i = 0; i < stepsPerSeed; i++) {
      await step(dice, agent, store);
      const findings = await findFromNothing(store, agent.name);
      const standing = await store.standingDrift(agent.name);
      const unknownOnly = new Set(findings.filter(({ drift }) => !drift).map(({ path }) => path));
      const kept = standing.filter(({ path }) => !unknownOnly.has(path));
      assert.deepEqual(
        kept.map(({ path, change, attributes, before, after }) => ({
          path,
          change,
          attributes,
          before,
          after,
        })),
        findings.flatMap(({ drift }) => drift ?? []).sort((a, b) => (a.path < b.path ? -1 : 1)),
        `step ${i}`,
      );
      assert.deepEqual(
        await agent.unknown(store),
        findings
          .filter(({ unknown }) => unknown)
          .sort((a, b) => (a.path < b.path ? -1 : 1))
          .map(({ path, unknown }) => `${unknown} ${path}`),
        `step ${i}`,
      );
      const summary = await store.node(agent.name);
      const counts = { added: 0, removed: 0, changed: 0 };
      for (const { change } of standing) counts[change] += 1;
      assert.deepEqual(summary?.drift, counts);
      assert.equal(summary?.unknownPaths, findings.filter(({ unknown }) => unknown).length);
      const oldest = standing.map(({ firstSeenAt }) => firstSeenAt).sort((a, b) => a - b)[0] ?? null;
      assert.equal(summary?.oldestDriftAt, oldest);
    }
    const kept = await store.nodes();
    await opened.reopen();
    assert.deepEqual(await opened.store.nodes(), kept);
  });
}

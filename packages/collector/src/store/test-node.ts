/** What the tests of decisions and of the store share: a store in a directory of its own, and agents without files. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '@holdfast/shared/entry';
import { bucketCount, bucketOf, Manifest } from '@holdfast/shared/manifest';
import { type Scope, scopeDigest } from '@holdfast/shared/scope';
import type { ObservedEvent, Report } from '@holdfast/shared/wire';
import { type Acceptance, type AcceptanceOutcome, decideAcceptance } from '#core/accept-baseline';
import type { BaselineRefusal } from '#core/baseline-effects';
import { decideReport, type IntakeContext, type ReportOutcome, type ReportRefusal } from '#core/intake';
import { type OpenStoreOptions, openSqliteStore } from '#store/sqlite-store';
import type { Decided, Store } from '#store/store';

export const etcScope: Scope = { version: 1, paths: [{ path: '/etc' }] };

export interface TestStore extends AsyncDisposable {
  readonly dataDir: string;
  readonly store: Store;
  /** Closes the store and opens it again. */
  reopen(options?: Partial<OpenStoreOptions>): Promise<Store>;
}

export async function openTestStore(options: Partial<OpenStoreOptions> = {}): Promise<TestStore> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-store-'));
  let store = await openSqliteStore({ dataDir, ...options });
  return {
    dataDir,
    get store() {
      return store;
    },
    async reopen(again = {}) {
      await store[Symbol.asyncDispose]();
      store = await openSqliteStore({ dataDir, ...options, ...again });
      return store;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
}

export function file(path: string, content = 'a', more: Partial<Entry> = {}): Entry {
  const sha256 = content.charCodeAt(0).toString(16).padStart(2, '0').repeat(32);
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, size: content.length, sha256, ...more };
}

export const hex32 = (digit: string): string => digit.repeat(32);

type Answer = Decided<ReportRefusal, ReportOutcome>;

/** An agent as the collector sees it: a manifest that it changes at will, and the reports about that. */
export class TestAgent {
  readonly name: string;
  readonly context: Partial<IntakeContext>;
  instance = hex32('1');
  sequence = 0;
  scope: Scope = etcScope;
  manifest: Manifest;
  base: string | null = null;
  blindSpots: Report['blindSpots'] = [];
  machineId = 'machine-1';
  journal = hex32('a');
  now = 1_000_000;

  constructor(name: string, entries: Iterable<Entry> = [], context: Partial<IntakeContext> = {}) {
    this.name = name;
    this.context = context;
    this.manifest = new Manifest(scopeDigest(this.scope), entries);
  }

  /** A report with the given entries taken over, from `base` to what the manifest then is. */
  report(
    upserts: readonly Entry[] = [],
    removed: readonly string[] = [],
    more: Partial<Report> = {},
  ): Report {
    for (const entry of upserts) this.manifest.set(entry);
    for (const path of removed) this.manifest.delete(path);
    this.sequence += 1;
    const clock = '2026-01-01T00:00:00.000Z';
    return {
      protocol: 1,
      instance: this.instance,
      sequence: this.sequence,
      agent: { version: '1', kernel: '6', os: 'Linux', machineId: this.machineId, clock, startedAt: clock },
      health: { phase: 'watching', watchDegraded: null, outboxDegraded: null, eventsDropped: 0 },
      scope: { digest: scopeDigest(this.scope), document: this.scope },
      base: this.base,
      result: this.manifest.digest(),
      upserts: [...upserts],
      removed: [...removed],
      buckets: [],
      blindSpots: [...this.blindSpots],
      entries: this.manifest.size,
      scans: [],
      journal: this.journal,
      events: [],
      commandsDone: [],
      ...more,
    };
  }

  /** The whole manifest, whatever the collector holds. */
  whole(base: string | null = this.base): Report {
    const buckets = this.manifest.buckets().map((bucket, index) => ({
      index,
      entries: [...bucket.entries().values()],
    }));
    return this.report([], [], { base, buckets });
  }

  async send(store: Store, report: Report): Promise<Answer> {
    this.now += 1000;
    const context: IntakeContext = {
      node: this.name,
      now: this.now,
      initialBaseline: 'accept',
      expectedScopes: new Set(),
      ...this.context,
    };
    const answer = await store.decide(this.name, (view) => decideReport(view, report, context));
    if ('outcome' in answer) this.base = answer.outcome.observed;
    return answer;
  }

  /** Sends a report that must be applied. */
  async tell(
    store: Store,
    upserts: readonly Entry[] = [],
    removed: readonly string[] = [],
    more: Partial<Report> = {},
  ) {
    const answer = await this.send(store, this.report(upserts, removed, more));
    if ('refused' in answer) throw new Error(`refused: ${answer.refused.code}: ${answer.refused.detail}`);
    return answer;
  }

  /** The first report, with everything in it. */
  async introduce(store: Store) {
    const answer = await this.send(store, this.whole());
    if ('refused' in answer) throw new Error(`refused: ${answer.refused.code}: ${answer.refused.detail}`);
    return answer;
  }

  /** From now on another scope. */
  rescope(scope: Scope, entries: Iterable<Entry>): void {
    this.scope = scope;
    this.manifest = new Manifest(scopeDigest(scope), entries);
  }

  event(position: number, path: string, before: Entry | null, after: Entry | null): ObservedEvent {
    return { position, at: '2026-01-01T00:00:01.000Z', net: 'watch', path, before, after };
  }

  accept(
    store: Store,
    acceptance: Partial<Acceptance> = {},
  ): Promise<Decided<BaselineRefusal, AcceptanceOutcome>> {
    this.now += 1000;
    const { now } = this;
    const whole: Acceptance = {
      paths: null,
      drifts: null,
      ifMatch: null,
      who: 'ada',
      reason: null,
      ...acceptance,
    };
    return store.decide(this.name, (view) => decideAcceptance(view, whole, now));
  }

  async mustAccept(store: Store, acceptance: Partial<Acceptance> = {}): Promise<AcceptanceOutcome> {
    const answer = await this.accept(store, acceptance);
    if ('refused' in answer) throw new Error(`refused: ${answer.refused.code}: ${answer.refused.detail}`);
    return answer.outcome;
  }

  async standing(store: Store): Promise<string[]> {
    return (await store.standingDrift(this.name)).map(({ change, path }) => `${change} ${path}`);
  }

  async unknown(store: Store): Promise<string[]> {
    return (await store.unknownPaths(this.name)).map(({ reason, path }) => `${reason} ${path}`);
  }

  async history(store: Store): Promise<string[]> {
    const events = await store.events(this.name, 0, 10_000);
    return events.map(({ kind, change, path, net }) =>
      kind === 'change' ? `${change} ${path} ${net ?? 'untold'}` : kind,
    );
  }
}

/** `count` paths below `directory` that all lie in different buckets. */
export function scattered(directory: string, count: number): string[] {
  const paths: string[] = [];
  const taken = new Set<number>();
  for (let i = 0; paths.length < Math.min(count, bucketCount); i++) {
    const path = `${directory}/${i}`;
    if (taken.has(bucketOf(path))) continue;
    taken.add(bucketOf(path));
    paths.push(path);
  }
  return paths;
}

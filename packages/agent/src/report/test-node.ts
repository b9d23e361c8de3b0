/** A node for tests: an observation that is changed by hand, and the reporter's parts around it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '@holdfast/shared/entry';
import { Manifest } from '@holdfast/shared/manifest';
import { compileScope } from '@holdfast/shared/scope';
import type { ScanResult } from '@holdfast/shared/wire';
import type { ObservedChange, Observation } from '#core/observation';
import type { Outbox } from '#core/outbox';
import { openCollectorClient } from '#io/collector-client';
import { openOutbox } from '#io/outbox';
import { openStateDirectory } from '#io/state-directory';
import { quietLog } from '../observe/quiet-log.ts';
import { type Reporter, type ReporterOptions, startReporter } from './reporter.ts';

export class TestObservation implements Observation {
  readonly scope = compileScope({ version: 1, paths: [{ path: '/etc' }] });
  manifest: Manifest | null = null;
  readonly blindSpots = [];
  readonly scans = [];
  watchDegraded: string | null = null;
  rescans = 0;
  readonly #onChange = new Set<(changes: readonly ObservedChange[]) => void>();
  readonly #onState = new Set<() => void>();

  /** Ends the first full scan with `count` files. */
  begin(count: number): void {
    this.manifest = new Manifest(
      this.scope.digest,
      Array.from({ length: count }, (_, n) => file(n, 0)),
    );
    this.tellState();
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  tellState(): void {
    for (const listener of this.#onState) listener();
  }

  /** File `n` takes content `version`; null removes it. */
  change(...files: readonly (readonly [n: number, version: number | null])[]): void {
    const changes: ObservedChange[] = [];
    for (const [n, version] of files) {
      const path = pathOf(n);
      const before = this.manifest?.get(path) ?? null;
      const after = version === null ? null : file(n, version);
      if (after) this.manifest?.set(after);
      else this.manifest?.delete(path);
      changes.push({ at: new Date(1_767_225_600_000).toISOString(), net: 'watch', path, before, after });
    }
    for (const listener of this.#onChange) listener(changes);
  }

  onChange(listener: (changes: readonly ObservedChange[]) => void): () => void {
    this.#onChange.add(listener);
    return () => this.#onChange.delete(listener);
  }

  onState(listener: () => void): () => void {
    this.#onState.add(listener);
    return () => this.#onState.delete(listener);
  }

  async rescan(): Promise<ScanResult> {
    this.rescans += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const startedAt = new Date(0).toISOString();
    return { net: 'full', startedAt, durationMs: 20, entries: 0, hashed: 0, bytes: 0, unread: 0, changed: 0 };
  }
}

export function pathOf(n: number): string {
  return `/etc/file-${n}`;
}

export function file(n: number, version: number): Entry {
  return { path: pathOf(n), type: 'file', mode: 0o644, size: version, sha256: digestText(version) };
}

function digestText(version: number): string {
  return version.toString(16).padStart(64, '0');
}

export interface TestNode extends AsyncDisposable {
  readonly observation: TestObservation;
  readonly outbox: Outbox;
  readonly reporter: Reporter;
}

export type TestNodeOptions = Partial<
  Pick<ReporterOptions, 'heartbeatSeconds' | 'backoff' | 'random' | 'log'>
> & {
  /** Default: a new directory, removed in the end. */
  readonly statePath?: string;
  readonly reportTimeoutMs?: number;
  readonly observation?: TestObservation;
};

export async function startTestNode(url: string, options: TestNodeOptions = {}): Promise<TestNode> {
  const { log = quietLog, reportTimeoutMs = 500, observation = new TestObservation() } = options;
  await using started = new AsyncDisposableStack();
  const statePath = options.statePath ?? (await mkdtemp(join(tmpdir(), 'holdfast-agent-')));
  if (options.statePath === undefined) started.defer(() => rm(statePath, { recursive: true, force: true }));
  const stateDirectory = started.use(await openStateDirectory(statePath));
  const outbox = started.use(await openOutbox({ stateDirectory, log, clock: Date.now }));
  const client = started.use(
    await openCollectorClient({
      url,
      node: 'node-1',
      token: { value: 'hf_agent_test' },
      clock: Date.now,
      timeouts: { reportMs: reportTimeoutMs },
    }),
  );
  const reporter = started.use(
    startReporter({
      observation,
      outbox,
      client,
      facts: { version: '0', kernel: 'k', os: 'o', machineId: '', startedAt: new Date(0).toISOString() },
      heartbeatSeconds: options.heartbeatSeconds ?? 60,
      log,
      clock: Date.now,
      random: options.random ?? Math.random,
      backoff: options.backoff ?? { minMs: 5, maxMs: 20 },
    }),
  );
  const all = started.move();
  return { observation, outbox, reporter, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Fails after five seconds. */
export async function until(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

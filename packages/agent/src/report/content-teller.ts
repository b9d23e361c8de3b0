/**
 * Tells the collector the scrubbed text of the files on the allow-list, so that an operator sees what changed inside one.
 * Beside the reports and after them: whatever goes wrong here delays none. Level-triggered: each round tells what is
 * there then, in full; the collector says which texts it lacks.
 */
import { hash } from 'node:crypto';
import { ContentAnswer, type ContentItem, maxContents } from '@holdfast/shared/content';
import type { Entry } from '@holdfast/shared/entry';
import { backoffMs, type BackoffLimits } from '#core/backoff';
import type { Observation } from '#core/observation';
import { scrub } from '#core/scrub';
import { exchangeOutcome, type Refused, type Unavailable } from '#core/collector-outcome';
import type { CollectorClient } from '#io/collector-client';
import { readText } from '#io/read-text';
import type { HostPath } from '#io/tree/host-path';
import type { Log } from '../observe/options.ts';
import { shapeOf } from '@holdfast/shared/shape';
import { runInSlices } from '../observe/run-in-slices.ts';
import { createWakeup } from './wakeup.ts';

const answerShape = shapeOf(ContentAnswer);

/** Told again although nothing changed: a collector that lost what it had gets it back. */
const refreshMs = 24 * 3_600_000;
/** Before a collector that does not take contents is asked again. */
const unsupportedMs = 3_600_000;

/** Entries that are held against the allow-list between two yields. */
const entriesPerStep = 128;

interface Listed {
  readonly path: string;
  readonly sha256: string;
}

export interface ContentTellerOptions {
  readonly observation: Observation;
  readonly client: CollectorClient;
  readonly isAllowed: (path: string) => boolean;
  readonly hostPath: HostPath;
  /** Of the store that acknowledged last; null while none did. When it changes, everything is told anew. */
  readonly epoch: () => string | null;
  readonly backoff: BackoffLimits;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly random: () => number;
  readonly log: Log;
}

export class ContentTeller {
  readonly #options: ContentTellerOptions;
  readonly #wakeup = createWakeup();
  /** What was found at each path, until its file changes. */
  #items = new Map<string, ContentItem>();
  #isWanted = true;
  #toldEpoch: string | null = null;

  constructor(options: ContentTellerOptions) {
    this.#options = options;
  }

  /** Something changed that may have to be told, or a report was acknowledged. */
  changed(paths: Iterable<string>): void {
    for (const path of paths) if (this.#options.isAllowed(path)) this.#isWanted = true;
    if (this.#isDue) this.#wakeup.wake();
  }

  /** Resolves when `signal` is aborted, and never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let ms = refreshMs;
    while (!signal.aborted) {
      await this.#wakeup.wait(ms, signal);
      if (signal.aborted) return;
      if (ms === refreshMs && !this.#isDue) this.#isWanted = true;
      if (!this.#isDue) continue;
      try {
        const told = await this.#tell(signal);
        failures = told === 'told' ? 0 : failures + 1;
        ms = told === 'told' ? refreshMs : told === 'unsupported' ? unsupportedMs : this.#pause(failures);
      } catch (error) {
        if (signal.aborted) return;
        this.#isWanted = true;
        this.#options.log.warn({ err: error }, 'contents could not be told');
        ms = this.#pause((failures += 1));
      }
    }
  }

  /** A node that has not reported yet is unknown to the collector. */
  get #isDue(): boolean {
    const epoch = this.#options.epoch();
    const hasReported = this.#options.observation.manifest !== null && epoch !== null;
    return hasReported && (this.#isWanted || epoch !== this.#toldEpoch);
  }

  #pause(failures: number): number {
    return backoffMs(failures, this.#options.random(), this.#options.backoff);
  }

  async #tell(signal: AbortSignal): Promise<'told' | 'unsupported' | 'failed'> {
    const { epoch, log } = this.#options;
    const atEpoch = epoch();
    this.#isWanted = false;
    const contents = await this.#index(signal);
    const index = await this.#put('/contents', 'application/json', JSON.stringify({ contents }), signal);
    if (index.kind !== 'answered') return this.#failed(index);
    const { missing } = index.value;
    for (const digest of missing) {
      const text = await this.#textOf(digest);
      if (text === null) continue; // it has changed since, and is told of next
      const sent = await this.#put(`/contents/${digest}`, 'text/plain; charset=utf-8', text, signal);
      if (sent.kind !== 'answered') return this.#failed(sent);
    }
    this.#toldEpoch = atEpoch;
    log.debug({ contents: contents.length, sent: missing.length }, 'told contents');
    return 'told';
  }

  async #put(path: string, contentType: string, body: string, signal: AbortSignal) {
    const { client, clock } = this.#options;
    const answer = await client.exchange({ method: 'PUT', path, contentType, body }, signal);
    if ('kind' in answer) return answer;
    return exchangeOutcome(answer, (value): value is ContentAnswer => answerShape.check(value), clock());
  }

  #failed(outcome: { readonly kind: 'unsupported' } | Refused | Unavailable): 'unsupported' | 'failed' {
    this.#isWanted = true;
    if (outcome.kind === 'unsupported') return 'unsupported';
    this.#options.log.debug({ outcome }, 'contents could not be told; they will be again');
    return 'failed';
  }

  /** Reads what is new or changed since the last round, a file at a time. */
  async #index(signal: AbortSignal): Promise<ContentItem[]> {
    const items = new Map<string, ContentItem>();
    for (const { path, sha256 } of await this.#listed(signal)) {
      const known = this.#items.get(path);
      const item = known?.sha256 === sha256 ? known : await this.#read(path, sha256);
      if (item) items.set(path, item);
    }
    this.#items = items;
    return [...items.values()];
  }

  /** Sorted by path. */
  async #listed(signal: AbortSignal): Promise<Listed[]> {
    const listed: Listed[] = [];
    await runInSlices(this.#list(listed), signal, () => {});
    return listed.sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, maxContents);
  }

  *#list(listed: Listed[]): Generator<void> {
    const { observation, isAllowed } = this.#options;
    let looks = 0;
    for (const { path, type, sha256 } of observation.manifest?.entries() ?? ([] as Entry[])) {
      if (type === 'file' && sha256 !== undefined && isAllowed(path)) listed.push({ path, sha256 });
      if (++looks % entriesPerStep === 0) yield;
    }
  }

  async #read(path: string, sha256: string): Promise<ContentItem | null> {
    const read = await readText(this.#options.hostPath(path), sha256);
    if ('moved' in read) return null;
    if ('withheld' in read) return { path, sha256, text: null, withheld: read.withheld };
    return { path, sha256, text: digestOf(scrub(read.text).text), withheld: null };
  }

  /** Read again rather than kept: texts are wanted once, and memory is scarce on a node. */
  async #textOf(digest: string): Promise<string | null> {
    const item = [...this.#items.values()].find(({ text }) => text === digest);
    if (!item) return null;
    const read = await readText(this.#options.hostPath(item.path), item.sha256);
    const text = 'text' in read ? scrub(read.text).text : null;
    return text !== null && digestOf(text) === digest ? text : null;
  }
}

function digestOf(text: string): string {
  return hash('sha256', text);
}

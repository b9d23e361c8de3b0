/**
 * A small collector for tests: it speaks the protocol over real HTTP, keeps one node's manifest and events, and
 * recomputes every digest. What it answers with can be disturbed.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { bucketCount, bucketOf, emptyBucketDigest, Manifest } from '@holdfast/shared/manifest';
import { type ProblemCode, problemCodes } from '@holdfast/shared/problem-codes';
import { type Command, type ObservedEvent, Report, type ReportAnswer } from '@holdfast/shared/wire';
import { shapeOf } from '@holdfast/shared/shape';

/** What happens to one request. `lose-answer` applies the report, and cuts the connection. */
export type Disturbance =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string; readonly retryAfter?: string }
  | { readonly kind: 'problem'; readonly code: ProblemCode }
  | { readonly kind: 'hang' | 'cut' | 'lose-answer' };

export interface ReceivedReport {
  readonly at: number;
  readonly report: Report;
  readonly bytes: Buffer;
  readonly headers: IncomingMessage['headers'];
}

const reportShape = shapeOf(Report);

export class TestCollector implements AsyncDisposable {
  readonly received: ReceivedReport[] = [];
  /** Every event, as often as the protocol lets it through. */
  readonly events: { readonly journal: string; readonly event: ObservedEvent }[] = [];
  readonly commands: Command[] = [];
  /** Asked for each report. */
  disturb: (report: Report) => Disturbance | null = () => null;
  /** Status for long polls; null: they work. */
  commandsStatus: number | null = null;
  epoch = 'epoch-1';
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #polls = new Set<ServerResponse>();
  #manifest: Manifest | null = null;
  #scopes = new Set<string>();
  #instance = '';
  #sequence = 0;
  #journal = '';
  #eventsStored = 0;

  static async start(port = 0): Promise<TestCollector> {
    const collector = new TestCollector();
    collector.#server.listen(port, '127.0.0.1');
    await once(collector.#server, 'listening');
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get digest(): string | null {
    return this.#manifest?.digest() ?? null;
  }

  /** What a restore from a backup does: an older manifest, or none, under a new epoch. */
  restore(manifest: Manifest | null, epoch: string): void {
    this.#manifest = manifest;
    this.epoch = epoch;
  }

  command(command: Command): void {
    this.commands.push(command);
    for (const poll of this.#polls) this.#json(poll, 200, { commands: this.commands });
    this.#polls.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.endsWith('/commands')) {
      this.#poll(response);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const report: unknown = JSON.parse(unpack(bytes, request.headers['content-encoding']).toString());
    if (!reportShape.check(report)) {
      const [error] = reportShape.errors(report);
      throw new Error(`a report that the schema refuses: ${error?.instancePath} ${error?.message}`);
    }
    this.received.push({ at: performance.now(), report, bytes, headers: request.headers });
    this.#respond(report, response);
  }

  #respond(report: Report, response: ServerResponse): void {
    const disturbance = this.disturb(report);
    switch (disturbance?.kind) {
      case undefined:
        return this.#apply(report, response);
      case 'answer': {
        const { status, body = '', retryAfter } = disturbance;
        response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
        response.end(body);
        return undefined;
      }
      case 'problem':
        return this.#problem(response, disturbance.code);
      case 'hang':
        return undefined;
      case 'cut':
        response.destroy();
        return undefined;
      case 'lose-answer':
        this.#apply(report, null);
        response.destroy();
        return undefined;
    }
  }

  #poll(response: ServerResponse): void {
    if (this.commandsStatus !== null) response.writeHead(this.commandsStatus).end();
    else if (this.commands.length > 0) this.#json(response, 200, { commands: this.commands });
    else this.#polls.add(response);
  }

  #apply(report: Report, response: ServerResponse | null): void {
    const { scope, instance, sequence } = report;
    const isRepeat = instance === this.#instance && sequence === this.#sequence;
    if (isRepeat) return this.#acknowledge(response);
    if (instance === this.#instance && sequence < this.#sequence) {
      return this.#problem(response, 'sequence-passed');
    }
    if (scope.document) this.#scopes.add(scope.digest);
    if (!this.#scopes.has(scope.digest)) return this.#problem(response, 'scope-unknown');
    if (report.result !== null) {
      const next = report.base === this.digest ? applied(this.#manifest, report) : null;
      if (next?.digest() !== report.result) return this.#mismatch(response);
      this.#manifest = next;
    }
    this.#instance = instance;
    this.#sequence = sequence;
    this.#takeEvents(report);
    for (const id of report.commandsDone) {
      const index = this.commands.findIndex((command) => command.id === id);
      if (index >= 0) this.commands.splice(index, 1);
    }
    return this.#acknowledge(response);
  }

  #takeEvents({ journal, events }: Report): void {
    if (journal !== this.#journal) this.#eventsStored = 0;
    this.#journal = journal;
    for (const event of events) {
      if (event.position <= this.#eventsStored) continue;
      this.#eventsStored = event.position;
      this.events.push({ journal, event });
    }
  }

  #acknowledge(response: ServerResponse | null): void {
    const answer: ReportAnswer = {
      observed: this.digest,
      epoch: this.epoch,
      eventsStored: this.#eventsStored,
      commands: [...this.commands],
    };
    this.#json(response, 200, answer);
  }

  #mismatch(response: ServerResponse | null): void {
    const bucketDigests =
      this.#manifest?.bucketDigests() ?? Array.from({ length: bucketCount }, () => emptyBucketDigest);
    const more = { observed: this.digest, epoch: this.epoch, bucketDigests };
    this.#problem(response, 'base-mismatch', more);
  }

  #problem(response: ServerResponse | null, code: ProblemCode, more: object = {}): void {
    const { status, title } = problemCodes[code];
    this.#json(response, status, { type: 'about:blank', title, status, code, detail: title, ...more });
  }

  #json(response: ServerResponse | null, status: number, body: object): void {
    response?.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}

/** `manifest` after the report's changes; itself unchanged. */
function applied(manifest: Manifest | null, { scope, buckets, upserts, removed }: Report): Manifest {
  const replaced = new Set(buckets.map(({ index }) => index));
  const kept = [...(manifest?.entries() ?? [])].filter((entry) => !replaced.has(bucketOf(entry.path)));
  const next = new Manifest(scope.digest, [...kept, ...buckets.flatMap(({ entries }) => entries)]);
  for (const entry of upserts) next.set(entry);
  for (const path of removed) next.delete(path);
  return next;
}

function unpack(bytes: Buffer, encoding: string | undefined): Buffer {
  switch (encoding) {
    case 'zstd':
      return zstdDecompressSync(bytes);
    case 'gzip':
      return gunzipSync(bytes);
    default:
      return bytes;
  }
}

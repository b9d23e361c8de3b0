/**
 * Reads the body of a report, packed or not, in bounded memory. Rules:
 * 1. Neither more than `packedBytes` are taken from the wire, nor more than `unpackedBytes` made of them: inflating
 *    stops at the limit, whatever the body claims.
 * 2. What unpacks to little (nearly every report) is unpacked at once. What unpacks to more waits for its turn, and
 *    keeps it until the report has been dealt with, so that the first reports of a fleet need not fit into memory together.
 * 3. When too many wait, or too many bytes are on their way in, the answer is 429.
 */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { maxReportBytesPacked, maxReportBytesUnpacked } from '@holdfast/shared/wire';
import { ProblemError } from './problem.ts';
import { Turns } from './turns.ts';

export interface ReportBodyLimits {
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  /** Up to here a report needs no turn. */
  readonly smallBytes: number;
  /** Over all reports that are being read. */
  readonly packedBytesInFlight: number;
  readonly largeAtOnce: number;
  readonly largeWaiting: number;
  /** What is read, with its article; for people. */
  readonly what: string;
}

export const reportBodyLimits: ReportBodyLimits = {
  packedBytes: maxReportBytesPacked,
  unpackedBytes: maxReportBytesUnpacked,
  smallBytes: 1024 * 1024,
  packedBytesInFlight: 256 * 1024 * 1024,
  largeAtOnce: 2,
  largeWaiting: 64,
  what: 'A report',
};

/** A body as text. Disposing of it gives its turn to the next. */
export interface ReportBody extends Disposable {
  readonly text: string;
}

type Unpack = (packed: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const unpackers: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip) as Unpack,
  zstd: promisify(zstdDecompress) as Unpack,
};

export class ReportBodyReader {
  readonly #limits: ReportBodyLimits;
  readonly #turns: Turns;
  #bytesInFlight = 0;

  constructor(limits: ReportBodyLimits = reportBodyLimits) {
    this.#limits = limits;
    this.#turns = new Turns({ atOnce: limits.largeAtOnce, maxWaiting: limits.largeWaiting });
  }

  /** Throws {@link ProblemError}. */
  async read(request: IncomingMessage): Promise<ReportBody> {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
    if (encoding !== 'identity' && !Object.hasOwn(unpackers, encoding)) {
      throw new ProblemError('unsupported-encoding', 'Content-Encoding must be gzip, zstd or identity.');
    }
    let taken = 0;
    try {
      const packed = await this.#receive(request, (bytes) => {
        taken += bytes;
        this.#bytesInFlight += bytes;
      });
      return await this.#unpack(packed, unpackers[encoding] ?? null);
    } finally {
      this.#bytesInFlight -= taken;
    }
  }

  /** By events: an iterator over the body costs ten times as much, for each heartbeat. */
  #receive(request: IncomingMessage, take: (bytes: number) => void): Promise<Buffer> {
    if (request.destroyed) return Promise.reject(brokenOff());
    const told = Number(request.headers['content-length'] ?? 0);
    if (told > this.#limits.packedBytes) return Promise.reject(this.#tooLarge());
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      take(chunk.length);
      if (length > this.#limits.packedBytes) refuse(this.#tooLarge());
      else if (this.#bytesInFlight > this.#limits.packedBytesInFlight) refuse(tooBusy());
      else chunks.push(chunk);
    };
    // The socket must live to carry the answer. Node discards the rest of the body after that.
    const refuse = (problem: ProblemError) => {
      request.off('data', onData).pause();
      reject(problem);
    };
    request.on('data', onData).once('end', () => resolve(Buffer.concat(chunks, length)));
    request.on('error', () => reject(brokenOff())).once('close', () => reject(brokenOff()));
    return promise;
  }

  async #unpack(packed: Buffer, unpack: Unpack | null): Promise<ReportBody> {
    const small = await inflate(packed, unpack, this.#limits.smallBytes);
    if (small) return { text: small.toString(), [Symbol.dispose]: () => {} };
    const turn = await this.#turns.take();
    if (!turn) throw tooBusy();
    try {
      const large = await inflate(packed, unpack, this.#limits.unpackedBytes);
      if (!large) throw this.#tooLarge();
      return { text: large.toString(), [Symbol.dispose]: () => turn[Symbol.dispose]() };
    } catch (error) {
      turn[Symbol.dispose]();
      throw error;
    }
  }

  #tooLarge(): ProblemError {
    const { packedBytes, unpackedBytes, what } = this.#limits;
    return new ProblemError(
      'body-too-large',
      `${what} may have ${packedBytes} bytes as it is sent, and ${unpackedBytes} bytes unpacked.`,
    );
  }
}

function brokenOff(): ProblemError {
  return new ProblemError('bad-request', 'The connection ended before the body did.');
}

function tooBusy(): ProblemError {
  return new ProblemError('too-many-requests', 'Too many large bodies are being read. Send it again later.');
}

/** Null if there is more than `maxBytes`. */
async function inflate(packed: Buffer, unpack: Unpack | null, maxBytes: number): Promise<Buffer | null> {
  if (unpack === null) return packed.length > maxBytes ? null : packed;
  try {
    return await unpack(packed, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return null;
    throw new ProblemError('bad-request', 'The body is not what its Content-Encoding says.');
  }
}

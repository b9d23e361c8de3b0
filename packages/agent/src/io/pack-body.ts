/** The body of a request: JSON made in pieces, compressed as it is made, on the thread pool. */
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { jsonChunks } from '#core/json-chunks';

/** In the order in which they are tried on a collector, or a proxy before it, that does not understand one. */
export const encodings = ['zstd', 'gzip', 'identity'] as const;
export type Encoding = (typeof encodings)[number];

export interface PackedBody {
  readonly bytes: Buffer;
  readonly encoding: Encoding;
}

/** Below this, compression saves less than it costs. */
export const minCompressedBytes = 1024;
/** Text is handed on, and the event loop given way to, when this much has come together. */
const pieceCharacters = 64 * 1024;

export async function packBody(value: object, encoding: Encoding): Promise<PackedBody> {
  const pieces = inPieces(value);
  const first = await pieces.next();
  const start = first.done ? '' : first.value;
  const isSmall = start.length < minCompressedBytes;
  if (isSmall || encoding === 'identity') {
    const parts = [Buffer.from(start)];
    for await (const piece of pieces) parts.push(Buffer.from(piece));
    return { bytes: Buffer.concat(parts), encoding: 'identity' };
  }
  const compressor: Transform = encoding === 'zstd' ? createZstdCompress() : createGzip();
  const parts: Buffer[] = [];
  await pipeline(Readable.from(resumed(start, pieces)), compressor, async (packed) => {
    for await (const part of packed as AsyncIterable<Buffer>) parts.push(part);
  });
  return { bytes: Buffer.concat(parts), encoding };
}

async function* inPieces(value: object): AsyncGenerator<string> {
  let piece = '';
  for (const chunk of jsonChunks(value)) {
    piece += chunk;
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
    await setImmediate();
  }
  if (piece !== '') yield piece;
}

async function* resumed(start: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield start;
  yield* rest;
}

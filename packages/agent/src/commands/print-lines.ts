import type { Writable } from 'node:stream';

const chunkLength = 64 * 1024;

/**
 * Writes lines in large pieces, each when the one before is taken. Ends quietly when the reader has gone, as under
 * `| head`; rejects if the output cannot be written for any other reason, such as a full disk.
 */
export async function printLines(stream: Writable, lines: Iterable<string>): Promise<void> {
  let chunk = '';
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < chunkLength) continue;
    if (!(await write(stream, chunk))) return;
    chunk = '';
  }
  if (chunk !== '') await write(stream, chunk);
}

/** Returns false if nobody reads any more. */
function write(stream: Writable, chunk: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => {
      if (!error) resolve(true);
      else if (hasNoReader(error)) resolve(false);
      else reject(new Error(`cannot write the output: ${error.message}`, { cause: error }));
    });
  });
}

function hasNoReader(error: Error & { code?: string }): boolean {
  return error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED';
}

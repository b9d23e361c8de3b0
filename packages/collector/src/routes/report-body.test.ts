import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { waitFor } from '../../../../test/harness/wait.ts';
import { ProblemError } from './problem.ts';
import { ReportBodyReader } from './report-body.ts';

const limits = {
  packedBytes: 64 * 1024,
  unpackedBytes: 1024 * 1024,
  smallBytes: 1024,
  packedBytesInFlight: 128 * 1024,
  largeAtOnce: 1,
  largeWaiting: 4,
  what: 'A report',
};

/** What was answered to those who had gone. */
const problems: string[] = [];
let received = 0;

/** A server that answers with the length of the body, or the code of the problem. */
function bodyServer(): Server {
  const reader = new ReportBodyReader(limits);
  return createServer((incoming, response) => {
    received += 1;
    void (async () => {
      try {
        using body = await reader.read(incoming);
        response.end(String(body.text.length));
      } catch (error) {
        const problem = error instanceof ProblemError ? error.code : String(error);
        if (incoming.errored) problems.push(problem);
        response.end(problem);
      }
    })();
  });
}

describe('the body of a report', () => {
  const server = bodyServer();
  let port = 0;
  before(
    () =>
      new Promise<void>((resolve) =>
        server.listen(0, '127.0.0.1', () => {
          port = (server.address() as AddressInfo).port;
          resolve();
        }),
      ),
  );
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const send = (body: Buffer, headers: Record<string, string> = {}) =>
    new Promise<string>((resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', method: 'POST', headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      });
      sent.on('error', reject);
      sent.end(body);
    });

  const text = Buffer.from('x'.repeat(50_000));

  it('is read as it is, and unpacked from gzip and zstd, whatever the case of the name', async () => {
    assert.equal(await send(text), '50000');
    assert.equal(await send(gzipSync(text), { 'content-encoding': 'gzip' }), '50000');
    assert.equal(await send(zstdCompressSync(text), { 'content-encoding': 'ZSTD' }), '50000');
    assert.equal(await send(Buffer.alloc(0)), '0');
  });

  it('is refused in another encoding, or in a name that objects inherit', async () => {
    for (const encoding of ['br', 'gzip, gzip', 'toString', 'deflate'])
      assert.equal(
        await send(brotliCompressSync(text), { 'content-encoding': encoding }),
        'unsupported-encoding',
      );
  });

  it('is refused when it is not what its encoding says', async () => {
    assert.equal(await send(text, { 'content-encoding': 'zstd' }), 'bad-request');
    assert.equal(await send(gzipSync(text).subarray(0, 40), { 'content-encoding': 'gzip' }), 'bad-request');
  });

  it('is refused above the packed limit, told or not, and the connection still carries the answer', async () => {
    const tooMuch = Buffer.alloc(limits.packedBytes + 1);
    assert.equal(await send(tooMuch), 'body-too-large');
    assert.equal(await send(tooMuch, { 'transfer-encoding': 'chunked' }), 'body-too-large');
  });

  it('is given up when the connection ends early, and what was taken no longer counts', async () => {
    const headers = { 'content-length': '60000' };
    const options = { port, host: '127.0.0.1', method: 'POST', headers, agent: false } as const;
    for (let round = 0; round < 5; round++) {
      const before = received;
      const sent = request(options);
      sent.on('error', () => {});
      sent.write(Buffer.alloc(50_000));
      await waitFor('the request to come in', () => received > before);
      sent.destroy();
    }
    await waitFor('the last of them to be given up', () => problems.length === 5);
    assert.deepEqual(
      problems,
      Array.from({ length: 5 }, () => 'bad-request'),
    );
    assert.equal(await send(text), '50000');
  });

  it('stops inflating at the limit: a bomb costs no more than that', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(512 * 1024 * 1024));
    assert.ok(bomb.length < limits.packedBytes, String(bomb.length));
    const before = process.memoryUsage().rss;
    const startedAt = performance.now();
    assert.equal(await send(bomb, { 'content-encoding': 'zstd' }), 'body-too-large');
    assert.ok(performance.now() - startedAt < 2000);
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
  });

  it('gives its turn back, so that many large ones pass one after the other', async () => {
    const packed = gzipSync(text);
    const headers = { 'content-encoding': 'gzip' };
    for (let round = 0; round < 3; round++)
      assert.deepEqual(
        await Promise.all(Array.from({ length: 5 }, () => send(packed, headers))),
        Array.from({ length: 5 }, () => '50000'),
      );
  });
});

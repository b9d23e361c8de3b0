import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { type AideDatabases, openAideDatabases } from '#io/aide-databases';

const digest = 'ab'.repeat(32);
const signal = AbortSignal.timeout(30_000);

async function talkTo(t: TestContext, listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const databases = await openAideDatabases({
    url,
    node: 'n',
    token: { value: 'hf_agent_test' },
    clock: Date.now,
  });
  const path = join(await mkdtemp(join(tmpdir(), 'holdfast-databases-')), 'file');
  const file = await open(path, 'w+');
  t.after(async () => {
    await databases[Symbol.asyncDispose]();
    await file.close();
    await rm(join(path, '..'), { recursive: true });
    server.closeAllConnections();
    server.close();
  });
  const fetched = (with_: AideDatabases = databases) => with_.fetch(digest, file, signal);
  return { databases, file, path, fetched };
}

test('a database is taken as it is, or packed', async (t) => {
  const answers = [
    [{}, Buffer.from('plain')],
    [{ 'content-encoding': 'gzip' }, gzipSync('packed')],
  ] as const;
  let at = 0;
  const { path, fetched } = await talkTo(t, (request, response) => {
    assert.equal(request.headers.authorization, 'Bearer hf_agent_test');
    assert.equal(request.url, `/api/v1/nodes/n/aide/databases/${digest}`);
    const [headers, body] = answers[at++]!;
    response.writeHead(200, headers).end(body);
  });
  for (let i = 0; i < answers.length; i++) assert.deepEqual(await fetched(), { kind: 'done' });
  assert.equal(await readFile(path, 'latin1'), 'plainpacked');
});

test('lost, refused, broken off and unreadable answers are told apart', async (t) => {
  const problem = (code: string): string =>
    JSON.stringify({ type: 'about:blank', title: 't', status: 404, code, detail: 'why' });
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(404).end(problem('not-found')),
    (_, response) => response.writeHead(404).end('<html>'),
    (_, response) => response.writeHead(403).end(problem('forbidden')),
    (_, response) => response.writeHead(200, { 'content-encoding': 'br' }).end('x'),
    (_, response) => response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy()),
  ];
  let at = 0;
  const { fetched } = await talkTo(t, (request, response) => answers[at++]!(request, response));
  const kinds = [];
  for (let i = 0; i < answers.length; i++) kinds.push((await fetched()).kind);
  assert.deepEqual(kinds, ['missing', ...Array.from({ length: 4 }, () => 'unavailable')]);
});

test('what came in full and cannot be unpacked is altered', async (t) => {
  const packed = { gzip: gzipSync('rows'), zstd: zstdCompressSync('rows') };
  const answers = Object.entries(packed).flatMap(([encoding, body]) =>
    [Buffer.from('no such form'), body.subarray(0, -5)].map((content) => ({ encoding, content })),
  );
  let at = 0;
  const { fetched } = await talkTo(t, (_, response) => {
    const { encoding, content } = answers[at++]!;
    response.writeHead(200, { 'content-encoding': encoding }).end(content);
  });
  for (let i = 0; i < answers.length; i++) assert.equal((await fetched()).kind, 'altered');
});

test('where zstd is not taken, gzip is', async (t) => {
  let stored = '';
  const seen: string[] = [];
  const { databases, file } = await talkTo(t, (request, response) => {
    seen.push(String(request.headers['content-encoding']));
    void buffer(request).then((body) => {
      if (seen.length === 1) return response.writeHead(415).end();
      stored = gunzipSync(body).toString();
      return response.writeHead(204).end();
    });
  });
  await file.write('rows');
  assert.deepEqual(await databases.store(digest, file, signal), { kind: 'done' });
  assert.deepEqual([seen, stored], [['zstd', 'gzip'], 'rows']);
});

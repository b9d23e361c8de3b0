import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { type CollectorClientOptions, maxAnswerBytes, openCollectorClient } from '#io/collector-client';
import { minCompressedBytes, packBody } from '#io/pack-body';
import { tokenSource } from '#io/token-source';
import { needTool } from '../../../../test/need.ts';

const never = new AbortController().signal;
const body = { bytes: Buffer.from('{}'), encoding: 'identity' } as const;

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer(answer))}`;
}

function open(url: string, more: Partial<CollectorClientOptions> = {}) {
  return openCollectorClient({ url, node: 'node-1', token: { value: 'secret' }, clock: Date.now, ...more });
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-client-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('requests go below the configured path, with the token', async (t) => {
  const seen: IncomingMessage[] = [];
  const url = await serve(t, (request, response) => {
    seen.push(request);
    response.writeHead(204).end();
  });
  await using client = await open(`${url}/holdfast/`);
  await client.send(body, never);
  await client.commands(never);
  assert.deepEqual(
    seen.map(({ method, url }) => `${method} ${url}`),
    ['POST /holdfast/api/v1/nodes/node-1/reports', 'GET /holdfast/api/v1/nodes/node-1/commands'],
  );
  assert.ok(seen.every(({ headers }) => headers.authorization === 'Bearer secret'));
});

test('a redirect is not followed, so the token stays with its origin', async (t) => {
  let strangers = 0;
  const elsewhere = await serve(t, (_, response) => {
    strangers += 1;
    response.end();
  });
  const url = await serve(t, (_, response) => response.writeHead(307, { location: elsewhere }).end());
  await using client = await open(url);
  const outcome = await client.send(body, never);
  assert.equal(outcome.kind === 'refused' && outcome.code, 'http-307');
  assert.equal(strangers, 0);
});

test('an answer without end is given up at the limit', async (t) => {
  let sent = 0;
  const url = await serve(t, (_, response) => {
    const more = (): void => {
      for (let room = true; room; ) {
        room = response.write(Buffer.alloc(64 * 1024, 0x20));
        sent += 64 * 1024;
      }
    };
    response.on('drain', more);
    more();
  });
  await using client = await open(url);
  const outcome = await client.send(body, never);
  assert.equal(outcome.kind, 'unavailable');
  assert.ok(sent < 20 * maxAnswerBytes, `${sent} bytes were sent`);
});

test('silence, a refused connection and an unreachable name are no answers', async (t) => {
  const url = await serve(t, () => {});
  await using silent = await open(url, { timeouts: { reportMs: 50, commandsMs: 50 } });
  const outcome = await silent.send(body, never);
  assert.match(outcome.kind === 'unavailable' ? outcome.reason : '', /no answer within 0.05 s/);
  assert.equal((await silent.commands(never)).kind, 'unavailable');
  await using refused = await open('http://127.0.0.1:9');
  const second = await refused.send(body, never);
  assert.match(second.kind === 'unavailable' ? second.reason : '', /ECONNREFUSED/);
});

test('a request ends when it is no longer wanted', async (t) => {
  const url = await serve(t, () => {});
  await using client = await open(url);
  await assert.rejects(client.send(body, AbortSignal.timeout(20)));
});

test('a token file is read again when it changes, in place or by rename', async (t) => {
  const file = join(await temporaryDirectory(t), 'token');
  const token = tokenSource({ file });
  await assert.rejects(token(), /token file .* cannot be read/);
  await writeFile(file, 'one\n');
  assert.equal(await token(), 'one');
  await writeFile(file, 'longer\n');
  assert.equal(await token(), 'longer');
  await writeFile(`${file}.new`, 'thrice\n');
  await rename(`${file}.new`, file);
  assert.equal(await token(), 'thrice');
  await writeFile(file, 'two words\n');
  await assert.rejects(token(), (error: Error) => !error.message.includes('words'));
});

test('without a readable token nothing is sent', async (t) => {
  let requests = 0;
  const url = await serve(t, () => (requests += 1));
  await using client = await open(url, { token: { file: '/nonexistent/token' } });
  const outcome = await client.send(body, never);
  assert.match(outcome.kind === 'unavailable' ? outcome.reason : '', /token file/);
  assert.equal(requests, 0);
});

const needOpenssl = needTool('openssl', 'apt-get install -y openssl');

test('a collector is trusted by the configured CA, and not without it', { skip: needOpenssl }, async (t) => {
  const directory = await temporaryDirectory(t);
  const tls = await selfSigned(join(directory, 'one'));
  const cert = join(directory, 'one.cert');
  const port = await listen(
    t,
    createTlsServer(tls, (_, response) => response.writeHead(500).end()),
  );
  await using trusting = await open(`https://127.0.0.1:${port}`, { caFile: cert });
  await using strict = await open(`https://127.0.0.1:${port}`);
  const reached = await trusting.send(body, never);
  assert.match(reached.kind === 'unavailable' ? reached.reason : '', /answered 500/);
  const refused = await strict.send(body, never);
  assert.match(refused.kind === 'unavailable' ? refused.reason : '', /self.signed/);
});

test('a CA file that is replaced holds from the next connection on', { skip: needOpenssl }, async (t) => {
  const directory = await temporaryDirectory(t);
  const pairs: { key: Buffer; cert: Buffer }[] = [];
  for (const name of ['old', 'new']) pairs.push(await selfSigned(join(directory, name)));
  const [before, after] = pairs as [(typeof pairs)[0], (typeof pairs)[0]];
  const server = createTlsServer(before, (_, response) =>
    response.writeHead(500, { connection: 'close' }).end(),
  );
  const port = await listen(t, server);
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, before.cert);
  await using client = await open(`https://127.0.0.1:${port}`, { caFile });
  const reason = async () => {
    const outcome = await client.send(body, never);
    return outcome.kind === 'unavailable' ? outcome.reason : '';
  };
  assert.match(await reason(), /answered 500/);
  server.setSecureContext(after);
  assert.match(await reason(), /self.signed/);
  await writeFile(`${caFile}.new`, after.cert);
  await rename(`${caFile}.new`, caFile);
  assert.match(await reason(), /answered 500/);
  await rm(caFile);
  assert.match(await reason(), /answered 500/, 'what was read last holds');
});

async function selfSigned(path: string): Promise<{ key: Buffer; cert: Buffer }> {
  const key = `${path}.key`;
  const cert = `${path}.cert`;
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  await promisify(execFile)('openssl', [...request, ...names, '-keyout', key, '-out', cert]);
  return { key: await readFile(key), cert: await readFile(cert) };
}

test('small bodies go as they are, larger ones compressed, and both are the JSON of the value', async () => {
  const small = { a: 'x'.repeat(100) };
  const large = { a: Array.from({ length: 5000 }, (_, n) => ({ path: `/etc/file-${n}` })) };
  const asItIs = await packBody(small, 'zstd');
  assert.equal(asItIs.encoding, 'identity');
  assert.ok(asItIs.bytes.length < minCompressedBytes);
  assert.deepEqual(JSON.parse(asItIs.bytes.toString()), small);
  const packed = await packBody(large, 'zstd');
  assert.equal(packed.encoding, 'zstd');
  assert.deepEqual(JSON.parse(zstdDecompressSync(packed.bytes).toString()), large);
});

test('packing a large report gives way to others', async () => {
  const entries = Array.from({ length: 60_000 }, (_, n) => ({
    path: `/usr/bin/${n}`,
    sha256: 'a'.repeat(64),
  }));
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 1);
  await packBody({ upserts: entries }, 'zstd');
  clearInterval(counting);
  assert.ok(turns >= 5, `${turns} turns of the event loop`);
});

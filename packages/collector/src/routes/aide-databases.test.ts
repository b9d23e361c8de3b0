import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { agentToken, operatorToken } from '../../../../test/harness/process.ts';
import { syntheticFleet } from '../../../../test/harness/synthetic-fleet.ts';
import { maxAideUploadsPerNode } from '#store/aide/database-rows';

const text = readFileSync(new URL('../../../shared/fixtures/aide/0.18.3.db.txt', import.meta.url), 'latin1');
const digestOf = (content: string) => hash('sha256', content);

describe('AIDE databases', () => {
  let site: CollectorApp;
  const [a, b] = syntheticFleet({ nodes: 2, entries: 10, own: 2 }).map((node) => node) as [
    ReturnType<typeof syntheticFleet>[number],
    ReturnType<typeof syntheticFleet>[number],
  ];
  before(async () => {
    site = await CollectorApp.open();
    for (const node of [a, b]) await site.taken(node, node.first());
  });
  after(() => site[Symbol.asyncDispose]());

  const url = (node: string, digest: string) => `/api/v1/nodes/${node}/aide/databases/${digest}`;
  const put = (
    content: string | Buffer,
    { node = a.name, digest = digestOf(String(content)), token = agentToken, encoding = 'identity' } = {},
  ) =>
    site.call('PUT', url(node, digest), {
      token,
      headers: { 'content-encoding': encoding, 'content-type': 'text/plain' },
      body: content,
    });
  const get = (node: string, digest = digestOf(text), headers = {}) =>
    site.call('GET', url(node, digest), { token: agentToken, headers });

  it('keeps what a node brings, however it was packed, and gives it back as it was', async () => {
    const digest = digestOf(text);
    assert.equal((await get(a.name)).status, 404);
    assert.equal((await put(text)).status, 204);
    assert.equal((await put(gzipSync(text), { digest, encoding: 'gzip' })).status, 204);
    assert.equal((await put(zstdCompressSync(text), { digest, encoding: 'zstd' })).status, 204);
    assert.equal((await get(a.name)).text, text);
    const packed = await site.app.inject({
      url: url(a.name, digest),
      headers: { authorization: `Bearer ${agentToken}`, 'accept-encoding': 'gzip, zstd' },
    });
    assert.equal(packed.headers['content-encoding'], 'zstd');
    assert.equal(zstdDecompressSync(packed.rawPayload).toString(), text);
  });

  it('gives it to no other node, and to no operator', async () => {
    assert.equal((await get(b.name)).status, 404);
    assert.equal((await site.call('GET', url(a.name, digestOf(text)), { token: operatorToken })).status, 403);
    assert.equal((await put(text, { token: operatorToken })).status, 403);
  });

  it('refuses what is not whole, or not of its digest', async () => {
    const cases = [
      [text, digestOf('other')],
      [text.slice(0, -9), undefined],
      ['', undefined],
      [text.replace('/etc/gone', '/etc/lnk'), undefined],
      [text.replace('/etc/gone', '/etc/göne'), undefined],
      [text.replace('/etc/gone 0 100644', '/etc/gone 0 644'), undefined],
    ] as const;
    for (const [content, digest] of cases) {
      const reply = await put(content, digest ? { digest } : {});
      assert.deepEqual([reply.status, reply.json.code], [422, 'invalid-aide-database'], content.slice(0, 60));
    }
    assert.equal((await put(text, { digest: 'x' })).status, 400);
    const node = 'nobody';
    assert.deepEqual([(await put(text, { node })).status, (await get(node)).status], [404, 404]);
  });

  it('stops inflating at the limit', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(129 * 1024 * 1024));
    const reply = await put(bomb, { digest: digestOf('bomb'), encoding: 'zstd' });
    assert.deepEqual([reply.status, reply.json.code], [413, 'body-too-large']);
  });

  it('keeps the newest of what no run has named, and nothing older than the retention', async () => {
    const texts = Array.from({ length: maxAideUploadsPerNode + 1 }, (_, i) =>
      text.replace('/etc/gone', `/etc/gone-${i}`),
    );
    for (const each of texts) {
      site.now += 1000;
      assert.equal((await put(each, { node: b.name })).status, 204);
    }
    const statuses = await Promise.all(texts.map(async (each) => (await get(b.name, digestOf(each))).status));
    assert.deepEqual(statuses, [404, ...texts.slice(1).map(() => 200)]);
    await site.store.tidy(site.now);
    const left = await Promise.all(texts.map(async (each) => (await get(b.name, digestOf(each))).status));
    assert.deepEqual(left.filter((status) => status === 200).length, 1);
  });
});

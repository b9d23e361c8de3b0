import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { agentToken } from '../../../../test/harness/process.ts';
import { keptLately } from '#store/content-rows';
import { syntheticFleet } from '../../../../test/harness/synthetic-fleet.ts';

const sha256 = 'a'.repeat(64);
const text = 'PermitRootLogin no\n';
const digest = hash('sha256', text);
const item = { path: '/etc/x', sha256, text: digest, withheld: null };

async function introduceNode(site: CollectorApp): Promise<string> {
  const [node] = syntheticFleet({ nodes: 1, entries: 10, own: 2 });
  await site.taken(node!, node!.resynchronisation(null, []));
  return node!.name;
}

function put(site: CollectorApp, node: string, path: string, body: object | string) {
  return site.call('PUT', `/api/v1/nodes/${node}/contents${path}`, { token: agentToken, body });
}

describe('contents', () => {
  it('are asked for once, kept by the digest of their text, and let go when no file has them', async () => {
    await using site = await CollectorApp.open();
    const name = await introduceNode(site);
    const first = await put(site, name, '', { contents: [item] });
    assert.deepEqual([first.status, first.json], [200, { missing: [digest] }]);
    assert.equal((await put(site, name, `/${digest}`, text)).status, 200);
    assert.deepEqual((await put(site, name, '', { contents: [item] })).json, { missing: [] });
    assert.deepEqual(await site.store.contents.find(name, item), { text });
    assert.deepEqual(await site.store.contents.find(name, { ...item, sha256: 'b'.repeat(64) }), {
      withheld: 'not-told',
    });
    assert.deepEqual(await site.store.contents.find(name, { ...item, path: '/etc/y' }), {
      withheld: 'not-listed',
    });
    assert.deepEqual((await put(site, name, '', { contents: [] })).json, { missing: [] });
    assert.deepEqual((await put(site, name, '', { contents: [item] })).json, { missing: [digest] });
  });

  it('are let go when the same file is told of with another text', async () => {
    await using site = await CollectorApp.open();
    const name = await introduceNode(site);
    await put(site, name, '', { contents: [item] });
    await put(site, name, `/${digest}`, text);
    const scrubbed = { ...item, text: hash('sha256', 'scrubbed') };
    assert.deepEqual((await put(site, name, '', { contents: [scrubbed] })).json, {
      missing: [scrubbed.text],
    });
    const both = { contents: [scrubbed, { ...item, path: '/etc/y' }] };
    assert.deepEqual((await put(site, name, '', both)).json, { missing: [scrubbed.text, digest] });
  });

  it('stay for a day as they lately were, so that each change can be told, while the path is listed', async () => {
    await using site = await CollectorApp.open();
    const name = await introduceNode(site);
    const versions = ['1', '2', '3', '4', '5', '6'].map((digit) => {
      const content = `Port ${digit}\n`;
      return { content, item: { ...item, sha256: digit.repeat(64), text: hash('sha256', content) } };
    });
    for (const { content, item: told } of versions) {
      await put(site, name, '', { contents: [told] });
      await put(site, name, `/${told.text}`, content);
      site.now += 1000;
    }
    const known = async () => {
      const found = await Promise.all(versions.map((each) => site.store.contents.find(name, each.item)));
      return found.map((each) => ('text' in each ? each.text.trim() : each.withheld));
    };
    assert.deepEqual(await known(), ['not-told', 'Port 2', 'Port 3', 'Port 4', 'Port 5', 'Port 6']);
    site.now += keptLately.ms;
    await put(site, name, '', { contents: [versions[5]!.item] });
    assert.deepEqual((await known()).slice(-2), ['not-told', 'Port 6']);
    await put(site, name, '', { contents: [versions[0]!.item] });
    await put(site, name, '', { contents: [{ ...item, path: '/etc/y' }] });
    assert.deepEqual(await site.store.contents.find(name, item), { withheld: 'not-listed' });
  });

  it('are not kept of files that are secret as a whole', async () => {
    await using site = await CollectorApp.open();
    const name = await introduceNode(site);
    const secret = { ...item, path: '/etc/shadow' };
    assert.deepEqual((await put(site, name, '', { contents: [secret] })).json, { missing: [] });
    assert.equal((await put(site, name, `/${digest}`, text)).status, 404);
  });

  it('are refused where they are not what their digest says, nobody told of them, or there is no such node', async () => {
    await using site = await CollectorApp.open();
    const name = await introduceNode(site);
    assert.equal((await put(site, name, `/${digest}`, text)).status, 404, 'not told of');
    await put(site, name, '', { contents: [item] });
    assert.equal((await put(site, name, `/${digest}`, `${text}x`)).status, 400);
    assert.equal((await put(site, name, `/${digest}`, 'x'.repeat(200_000))).status, 413);
    assert.equal((await put(site, 'nobody', '', { contents: [item] })).json.code, 'node-unknown');
    for (const bad of [
      {},
      { contents: [{ ...item, path: 'x' }] },
      { contents: Array.from({ length: 1001 }, () => item) },
    ]) {
      assert.equal((await put(site, name, '', bad)).status, 400);
    }
  });
});

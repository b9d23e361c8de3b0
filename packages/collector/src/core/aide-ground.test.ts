/** AIDE with another configuration or version than its baseline's: it makes a first database, and its rows are compared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '@holdfast/shared/scope';
import { aideStatusOf } from '#core/aide-status';
import { TwoEngineNode } from '#store/test-aide';
import { openTestStore } from '#store/test-node';

const files = { '/etc/a': {}, '/etc/b': {}, '/etc/c': { acl: '1000' } };
const other = 'd'.repeat(64);
const wide: Scope = { version: 1, paths: [{ path: '/etc' }, { path: '/usr/bin' }] };
/** What AIDE says of a first database. */
const first = { exit: 0, added: 0, removed: 0, changed: 0, verdict: 'same' } as const;

async function shown(node: TwoEngineNode): Promise<string> {
  const { status, reason } = aideStatusOf((await node.aide())!);
  return `${status}: ${reason}`;
}

test('another version is compared by rows: what is the same is taken over, what differs drifts', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide({ ...first, version: '0.19.3' });
  assert.deepEqual(await node.drift(), ['aide changed /etc/a caps']);
  assert.equal(await shown(node), 'drift: null');
  assert.equal((await node.aide())!.baseline?.aideVersion, '0.19.3');
  node.put('/etc/a', { caps: '' });
  await node.runAide({ version: '0.19.3' });
  assert.deepEqual([await shown(node), await node.drift()], ['same: null', []]);
  await node.runAide({ changed: 1, version: '0.19.9' });
  assert.match(await shown(node), /^unknown: AIDE reports .* 1 changed/);
});

test('another configuration drifts, ends nothing, and is not taken for a report that lies', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide();
  node.put('/etc/a', { caps: '' });
  node.put('/etc/b', { caps: 'cap_setuid=ep' });
  await node.runAide({ ...first, configDigest: other });
  assert.deepEqual(await node.drift(), ['aide changed /etc/a caps', 'aide changed /etc/b caps']);
  assert.match(await shown(node), /^unknown: AIDE's configuration is not/);
  await node.accept();
  assert.equal((await node.aide())!.baseline?.configDigest, other);
  await node.runAide({ configDigest: other });
  assert.deepEqual([await shown(node), await node.drift()], ['same: null', []]);
});

test('what comes in with a wider scope is no drift, and is taken as it is when the scope is accepted', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.rescope(wide, other);
  node.put('/usr/bin/ping', { caps: 'cap_net_raw=ep' });
  node.put('/etc/c', { acl: '' });
  await node.runAide(first);
  assert.deepEqual(await node.drift(), ['aide changed /etc/c acl']);
  assert.match(await shown(node), /^unknown: AIDE's configuration is not/);
  await node.accept(['/etc/c']);
  await node.accept();
  assert.deepEqual(await node.drift(), []);
  node.put('/usr/bin/ping', { caps: '' });
  await node.runAide();
  assert.deepEqual(await node.drift(), ['aide changed /usr/bin/ping caps']);
});

test('a scope that is accepted before AIDE has seen it brings the configuration with it', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.rescope(wide, other);
  node.put('/usr/bin/ping', { caps: 'cap_net_raw=ep' });
  await node.look();
  await node.accept();
  await node.change('/usr/bin/new', {});
  await node.runAide(first);
  assert.deepEqual(await node.drift(), ['native+aide added /usr/bin/new']);
  assert.equal(await shown(node), 'drift: null');
  assert.equal((await node.aide())!.baseline?.configDigest, other);
});

test('a content that can be read at last is unknown until it is accepted, and then is taken over', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.locked.add('/etc/a');
  await node.look();
  await node.accept();
  await node.runAide();
  assert.match(await shown(node), /^unknown: AIDE could not read \/etc\/a, or could not before/);
  node.locked.clear();
  await node.runAide();
  assert.equal(await shown(node), 'same: null');
});

test('what the first baseline could not read is accepted like anything else once it can be read', async () => {
  await using opened = await openTestStore();
  const node = new TwoEngineNode(opened.store, files);
  node.locked.add('/etc/a');
  await node.introduce();
  await node.accept();
  await node.runAide();
  assert.equal(await shown(node), 'same: null');
  node.locked.clear();
  await node.look();
  await node.runAide();
  assert.match(await shown(node), /^unknown: AIDE could not read \/etc\/a, or could not before/);
  await node.accept();
  await node.runAide();
  assert.deepEqual([await shown(node), await node.drift()], ['same: null', []]);
  await node.change('/etc/a', { content: 'b' });
  await node.runAide();
  assert.deepEqual(await node.drift(), ['native+aide changed /etc/a sha256']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash } from 'node:crypto';
import { readAideDatabase } from '@holdfast/shared/aide-database';
import { seededRandom } from '../../../../test/random.ts';
import { decideRestoration } from '#core/restore-baseline';
import { type TestFile, TwoEngineNode } from '#store/test-aide';
import { openTestStore } from '#store/test-node';
import type { Store } from '#store/store';

const files = { '/etc/a': {}, '/etc/b': {}, '/etc/c': {}, '/etc/d': { acl: '1000' } };

async function restore(store: Store, node: TwoEngineNode, sequence: number): Promise<void> {
  node.agent.now += 1000;
  const { now } = node.agent;
  const asked = { sequence, ifMatch: null, who: 'ada', reason: null };
  const decided = await store.decide(node.name, (view) => decideRestoration(view, asked, now));
  assert.ok('outcome' in decided);
  node.baseline = (await node.aide())?.baseline?.digest ?? null;
}

test('a change that was accepted at noon does not alert at night', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  await node.change('/etc/a', { content: 'b' });
  await node.change('/etc/b', { mode: 0o600 });
  await node.change('/etc/c', null);
  await node.change('/etc/new', { content: 'n' });
  await node.accept();
  assert.equal((await node.aide())!.pending, 4);
  await node.runAide();
  assert.deepEqual(await node.drift(), []);
  const aide = (await node.aide())!;
  assert.deepEqual([aide.pending, aide.objection, aide.findings], [0, null, 0]);
  assert.deepEqual(
    readAideDatabase((await node.text(aide.baseline!.digest))!),
    readAideDatabase(node.database()),
  );
  await node.runAide();
  assert.equal((await node.aide())!.baseline!.digest, aide.baseline!.digest);
});

test('a change that slips in between acceptance and run does alert', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  await node.change('/etc/a', { content: 'b' });
  await node.change('/etc/b', { content: 'b' });
  await node.accept();
  node.put('/etc/a', { acl: '1000' });
  await node.runAide();
  assert.deepEqual(await node.drift(), ['aide changed /etc/a acl']);
  const aide = (await node.aide())!;
  assert.equal(aide.pending, 1);
  await node.change('/etc/a', { acl: '' });
  await node.runAide();
  assert.deepEqual([await node.drift(), (await node.aide())!.pending], [[], 0]);
});

for (const [what, file] of [
  ['a list', { acl: '1000' }],
  ['capabilities', { caps: 'cap_net_raw=ep' }],
  ['an attribute', { xattr: 'x' }],
] as const) {
  test(`${what}, with content untouched, drifts, and is accepted by path while another drift stays`, async () => {
    await using opened = await openTestStore();
    const node = await new TwoEngineNode(opened.store, files).introduce();
    node.put('/etc/a', file);
    node.put('/etc/b', file);
    await node.runAide();
    const attributes = { acl: 'acl', caps: 'caps', xattr: 'xattrs' }[Object.keys(file)[0]!]!;
    assert.deepEqual(await node.drift(), [
      `aide changed /etc/a ${attributes}`,
      `aide changed /etc/b ${attributes}`,
    ]);
    await node.accept(['/etc/a']);
    assert.deepEqual(await node.drift(), [`aide changed /etc/b ${attributes}`]);
    const { state } = (await opened.store.node(node.name))!;
    assert.deepEqual([state.baseline!.sequence, state.aide!.pending], [2, 0]);
    await node.runAide();
    assert.deepEqual(await node.drift(), [`aide changed /etc/b ${attributes}`]);
    node.put('/etc/b', { acl: '', caps: '', xattr: '' });
    await node.runAide();
    assert.deepEqual(await node.drift(), []);
  });
}

test('a path that both engines see is one drift, and ends when neither does', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  await node.change('/etc/a', { content: 'b', caps: 'cap_net_raw=ep' });
  assert.deepEqual(await node.drift(), ['native changed /etc/a sha256']);
  const [before] = await opened.store.standingDrift(node.name);
  await node.runAide();
  assert.deepEqual(await node.drift(), ['native+aide changed /etc/a sha256,caps']);
  const [after] = await opened.store.standingDrift(node.name);
  assert.deepEqual([after!.id, after!.firstSeenAt], [before!.id, before!.firstSeenAt]);
  await node.change('/etc/a', { content: 'a' });
  assert.deepEqual(await node.drift(), ['aide changed /etc/a caps']);
  assert.deepEqual(
    (await opened.store.commands(node.name)).map(({ kind }) => kind),
    ['aide'],
  );
  node.put('/etc/a', { caps: '' });
  await node.runAide();
  assert.deepEqual(await node.drift(), []);
});

test('what was reviewed is taken over even if the content moved on before the acceptance', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { acl: '1000' });
  await node.runAide();
  await node.change('/etc/a', { content: 'b' });
  await node.accept(['/etc/a']);
  assert.deepEqual([await node.drift(), (await node.aide())!.pending], [[], 1]);
  await node.runAide();
  assert.deepEqual([await node.drift(), (await node.aide())!.pending], [[], 0]);
});

test('a restore brings the old rows back', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  const first = (await node.aide())!.baseline!.digest;
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide();
  await node.accept();
  assert.deepEqual(await node.drift(), []);
  await restore(opened.store, node, 1);
  assert.equal((await node.aide())!.baseline!.digest, first);
  assert.deepEqual(await node.drift(), ['aide changed /etc/a caps']);
  await node.runAide();
  assert.deepEqual(await node.drift(), ['aide changed /etc/a caps']);
  const { state } = (await opened.store.node(node.name))!;
  assert.deepEqual([state.baseline!.sequence, state.baseline!.restoredFrom], [3, 1]);
});

test('a restore takes back what was reviewed and still waited for AIDE', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide();
  await node.change('/etc/a', { content: 'b' });
  await node.accept();
  assert.deepEqual([await node.drift(), (await node.aide())!.pending], [[], 1]);
  await restore(opened.store, node, 1);
  assert.deepEqual(
    [await node.drift(), (await node.aide())!.pending],
    [['native+aide changed /etc/a sha256,caps'], 0],
  );
  await node.change('/etc/a', { content: 'a' });
  await node.runAide();
  assert.deepEqual(await node.drift(), ['aide changed /etc/a caps']);
});

test('what was reviewed stays so when the content is accepted once more before AIDE runs', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  node.put('/etc/a', { caps: 'cap_net_raw=ep' });
  await node.runAide();
  for (const content of ['b', 'c']) {
    await node.change('/etc/a', { content });
    await node.accept(['/etc/a']);
  }
  await node.runAide();
  assert.deepEqual([await node.drift(), (await node.aide())!.pending], [[], 0]);
});

test('a new file with capabilities that nobody saw is not accepted with its content', async () => {
  await using opened = await openTestStore();
  const node = await new TwoEngineNode(opened.store, files).introduce();
  await node.change('/etc/new', { caps: 'cap_setuid=ep' });
  await node.accept();
  await node.runAide();
  assert.deepEqual(await node.drift(), ['aide added /etc/new']);
  await node.accept(['/etc/new']);
  await node.runAide();
  assert.deepEqual(await node.drift(), []);
});

test('whatever is changed, accepted and run in any order: what alerts is what nobody accepted', async () => {
  await using opened = await openTestStore();
  const random = seededRandom(11);
  for (let round = 0; round < 40; round++) {
    const node = await new TwoEngineNode(opened.store, files, `n${round + 2}`).introduce();
    /** What an operator last accepted, file by file; AIDE's part of it as AIDE had shown it. */
    const accepted = new Map(node.files);
    const shown = new Map(node.files);
    for (let step = 0; step < 12; step++) {
      const path = random.pick(['/etc/a', '/etc/b', '/etc/c']);
      const deed = random.below(4);
      if (deed < 2) await node.change(path, randomChange(random.below(4), step));
      else if (deed === 2) {
        await node.runAide();
        for (const [each, file] of node.files) shown.set(each, file);
      } else {
        await node.accept([path]);
        const { content, mode } = node.files.get(path)!;
        const { acl, caps, xattr } = shown.get(path)!;
        accepted.set(path, { content, mode, acl, caps, xattr });
      }
    }
    await node.runAide();
    await node.runAide();
    const drifting = (await node.drift()).map((text) => text.split(' ')[2]);
    const expected = [...node.files].filter(
      ([path, file]) => digestOf(accepted.get(path)!) !== digestOf(file),
    );
    assert.deepEqual(drifting, expected.map(([path]) => path).sort(), `round ${round}`);
    const aide = (await node.aide())!;
    assert.deepEqual([aide.objection, aide.disagreements], [null, 0], `round ${round}`);
  }
});

function randomChange(kind: number, step: number): Partial<TestFile> {
  if (kind === 0) return { content: `content ${step % 3}` };
  if (kind === 1) return { mode: step % 2 === 0 ? 0o600 : 0o644 };
  if (kind === 2) return { acl: step % 2 === 0 ? '1000' : '' };
  return { caps: step % 2 === 0 ? 'cap_net_raw=ep' : '' };
}

function digestOf(file: TestFile): string {
  return hash('sha256', JSON.stringify([file.content, file.mode, file.acl, file.caps, file.xattr]));
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { prettyName, readHostFacts } from './host-facts.ts';

const machineId = '0123456789abcdef0123456789abcdef';

async function hostRoot(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-facts-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'etc'));
  await mkdir(join(root, 'usr/lib'), { recursive: true });
  return root;
}

test('facts are read below the host root, without spaces around them', async (t) => {
  const root = await hostRoot(t);
  await writeFile(join(root, 'etc/machine-id'), `${machineId}\n`);
  await writeFile(join(root, 'etc/os-release'), 'ID=x\nPRETTY_NAME="Some \\"OS\\" 1"\n');
  const facts = await readHostFacts(root);
  assert.equal(facts.machineId, machineId);
  assert.equal(facts.os, 'Some "OS" 1');
  assert.notEqual(facts.kernel, '');
});

test("a symlink leads where it leads on the host, not in the agent's container", async (t) => {
  const root = await hostRoot(t);
  await writeFile(join(root, 'usr/lib/os-release'), "PRETTY_NAME='The node'\n");
  for (const target of ['../usr/lib/os-release', '/usr/lib/os-release']) {
    await symlink(target, join(root, 'etc/os-release'));
    assert.equal((await readHostFacts(root)).os, 'The node', target);
    await rm(join(root, 'etc/os-release'));
  }
});

test('facts that are not there, or are no regular files, are left out', async (t) => {
  const root = await hostRoot(t);
  assert.deepEqual(
    { ...(await readHostFacts(root)), kernel: '' },
    { kernel: '', os: 'unknown', machineId: '' },
  );
  execFileSync('mkfifo', [join(root, 'etc/machine-id')]);
  await symlink('os-release', join(root, 'etc/os-release'));
  assert.deepEqual(
    { ...(await readHostFacts(root)), kernel: '' },
    { kernel: '', os: 'unknown', machineId: '' },
  );
});

test('a name in os-release is bounded and printable', () => {
  assert.equal(prettyName('PRETTY_NAME=Plain\n'), 'Plain');
  assert.equal(prettyName('PRETTY_NAME="a\u001bb"\n'), 'ab');
  assert.equal(prettyName(`PRETTY_NAME="${'x'.repeat(1000)}"\n`)?.length, 200);
  assert.equal(prettyName('NAME=x\n'), null);
});

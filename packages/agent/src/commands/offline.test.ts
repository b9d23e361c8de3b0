import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentCommand } from '../../../../test/harness/process.ts';
import { boundByModes, ended, testAgent } from './test-agent.ts';

const json = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('scan prints a table for people, and says nothing on stderr when all is seen', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout, stderr } = await agent.run(['scan']);
  assert.equal(code, 0);
  assert.match(stdout, /^TYPE +MODE +OWNER +SIZE +SHA256 +PATH$/m);
  assert.match(stdout, new RegExp(`^file +0644 +\\d+:\\d+ +6  [0-9a-f]{12}…  ${agent.tree}/a\\.conf$`, 'm'));
  assert.match(stdout, /^3 entries, 0 not measured in full/m);
  assert.equal(stderr, '');
});

test('scan --json prints an entry a line in path order, and the digest last', async (t) => {
  const agent = await testAgent(t);
  const { code, stdout } = await agent.run(['scan', '--json']);
  assert.equal(code, 0);
  const lines = json(stdout);
  const summary = lines.pop();
  assert.deepEqual(
    lines.map(({ path }) => path),
    [agent.tree, join(agent.tree, 'a.conf'), join(agent.tree, 'b.conf')],
  );
  assert.match(String(summary?.['digest']), /^[0-9a-f]{64}$/);
  assert.equal(summary?.['entries'], 3);
  assert.equal(summary?.['unread'], 0);
});

test('scan of nothing at all is an error', async (t) => {
  const agent = await testAgent(t);
  await rename(agent.tree, `${agent.tree}.away`);
  const { code, stderr } = await agent.run(['scan']);
  assert.equal(code, 1);
  assert.match(stderr, /nothing of the scope is there/);
});

test('a reader that goes away early is no error', async (t) => {
  const agent = await testAgent(t);
  for (let i = 0; i < 300; i++) await writeFile(join(agent.tree, `${'x'.repeat(200)}${i}`), '');
  const script = '"$@" scan --json | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = await ended(
    agent.spawn(['bash', '--norc', '-c', script, 'bash', ...agentCommand]),
  );
  assert.deepEqual([stdout, stderr], ['0\n', '']);
});

test('output that cannot be written is an error', async (t) => {
  const agent = await testAgent(t);
  const script = '"$@" scan --json > /dev/full';
  const { code, stderr } = await ended(
    agent.spawn(['bash', '--norc', '-c', script, 'bash', ...agentCommand]),
  );
  assert.equal(code, 1);
  assert.match(stderr, /cannot write the output: .*ENOSPC/);
});

test('check says 0 for the same, 2 for drift, and 1 for what is no baseline', async (t) => {
  const agent = await testAgent(t);
  const check = ['check', '--baseline', agent.baseline];
  assert.equal((await agent.run(check)).code, 1, 'no file yet');
  assert.equal((await agent.run(['init', '--baseline', agent.baseline])).code, 0);
  const same = await agent.run(check);
  assert.equal(same.code, 0);
  assert.match(same.stdout, /^no drift: 3 paths are as in the baseline of /);

  await writeFile(join(agent.tree, 'a.conf'), 'a = 2\n');
  await chmod(join(agent.tree, 'b.conf'), 0o600);
  await writeFile(join(agent.tree, 'line\nbreak\u001b[31m'), '');
  await mkdir(join(agent.tree, 'new'));
  const drift = await agent.run(check);
  assert.equal(drift.code, 2);
  assert.match(drift.stdout, /^changed {2}\S+\/a\.conf {2}sha256 \w{12}… → \w{12}…$/m);
  assert.match(drift.stdout, /^changed {2}\S+\/b\.conf {2}mode 0644 → 0600$/m);
  assert.match(drift.stdout, /^added {4}\S+\/line%0Abreak%1B\[31m {2}file /m);
  assert.match(drift.stdout, /^2 added, 0 removed, 2 changed, 0 unknown; /m);
  assert.equal(drift.stderr, '');

  await truncate(agent.baseline, 100);
  const damaged = await agent.run(check);
  assert.equal(damaged.code, 1);
  assert.match(damaged.stderr, /^holdfast-agent: the baseline file \S+ cannot be used: .+\n$/);
  assert.equal(damaged.stdout, '');
});

test('check --json prints a finding a line, and counts last', async (t) => {
  const agent = await testAgent(t);
  await agent.run(['init', '--baseline', agent.baseline]);
  await rm(join(agent.tree, 'b.conf'));
  const { code, stdout } = await agent.run(['check', '--json', '--baseline', agent.baseline]);
  assert.equal(code, 2);
  const [finding, summary] = json(stdout);
  assert.equal(finding?.['path'], join(agent.tree, 'b.conf'));
  assert.equal(finding?.['change'], 'removed');
  assert.equal(finding?.['after'], null);
  assert.equal(summary?.['removed'], 1);
  assert.equal(summary?.['unknown'], 0);
});

test('a tree that is empty all of a sudden is unknown, and exit 1, never removals', async (t) => {
  const agent = await testAgent(t);
  const other = join(agent.directory, 'other');
  await mkdir(other);
  await writeFile(join(other, 'x'), '');
  const scope = join(agent.directory, 'two.yaml');
  await writeFile(scope, `version: 1\npaths:\n  - path: ${agent.tree}\n  - path: ${other}\n`);
  await agent.run(['init', '--baseline', agent.baseline], { HOLDFAST_SCOPE_FILE: scope });
  await rm(join(agent.tree, 'a.conf'));
  await rm(join(agent.tree, 'b.conf'));
  const { code, stdout, stderr } = await agent.run(['check', '--baseline', agent.baseline], {
    HOLDFAST_SCOPE_FILE: scope,
  });
  assert.equal(code, 1);
  assert.match(stdout, /^0 added, 0 removed, 0 changed, 2 unknown; /m);
  assert.match(stderr, /note: not there, or empty: /);
});

test('what cannot be read is said, and makes exit 1 although there is drift too', async (t) => {
  const agent = await testAgent(t);
  await agent.run(['init', '--baseline', agent.baseline]);
  await writeFile(join(agent.tree, 'a.conf'), 'a = 2\n');
  await chmod(join(agent.tree, 'b.conf'), 0o000);
  const child = agent.spawn(
    await boundByModes(
      [...agentCommand, 'check', '--baseline', agent.baseline],
      [agent.directory, agent.baseline],
    ),
  );
  const { code, stdout, stderr } = await ended(child);
  assert.equal(code, 1, stderr);
  assert.match(stdout, /^changed {2}\S+\/a\.conf/m);
  assert.match(stdout, /^changed {2}\S+\/b\.conf {2}mode 0644 → 0000; unknown: no permission to read it$/m);
  assert.match(stderr, /could not be measured: \S+\/b\.conf: no permission/);
});

test('init keeps what is there, unless it is forced', async (t) => {
  const agent = await testAgent(t);
  await writeFile(agent.baseline, 'precious');
  const refused = await agent.run(['init', '--baseline', agent.baseline]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /exists; `update` accepts changes into it, `init --force` replaces it/);
  assert.equal(await readFile(agent.baseline, 'utf8'), 'precious');
  assert.equal((await agent.run(['init', '--force', '--baseline', agent.baseline])).code, 0);
  assert.equal((await agent.run(['check', '--baseline', agent.baseline])).code, 0);
});

test('init says when the baseline file itself will show as drift', async (t) => {
  const agent = await testAgent(t);
  const { code, stderr } = await agent.run(['init', '--baseline', join(agent.tree, 'baseline')]);
  assert.equal(code, 0);
  assert.match(stderr, /lies in the scope, and will show as drift/);
});

test('update accepts by globs, then the rest, and leaves a clean check', async (t) => {
  const agent = await testAgent(t);
  const update = ['update', '--baseline', agent.baseline];
  await agent.run(['init', '--baseline', agent.baseline]);
  await writeFile(join(agent.tree, 'a.conf'), 'a = 2\n');
  await writeFile(join(agent.tree, 'c.conf'), 'c = 1\n');
  await rm(join(agent.tree, 'b.conf'));
  const some = await agent.run([...update, '--path', join(agent.tree, 'a.*'), '--path', '/no/such']);
  assert.equal(some.code, 0);
  assert.match(some.stdout, /^changed .*a\.conf/m);
  assert.match(some.stdout, /^accepted 1, remaining 2; digest [0-9a-f]{64}$/m);
  assert.match((await agent.run(update)).stdout, /^accepted 2, remaining 0; /m);
  assert.equal((await agent.run(['check', '--baseline', agent.baseline])).code, 0);
  const before = await stat(agent.baseline);
  assert.match((await agent.run(update)).stdout, /^accepted 0, remaining 0; /m);
  assert.equal((await stat(agent.baseline)).ino, before.ino, 'nothing to accept, nothing written');
});

test('update refuses a glob that it does not understand, and a damaged baseline', async (t) => {
  const agent = await testAgent(t);
  await agent.run(['init', '--baseline', agent.baseline]);
  const glob = await agent.run(['update', '--baseline', agent.baseline, '--path', 'etc/*']);
  assert.equal(glob.code, 1);
  assert.match(glob.stderr, /--path: must start with \/ \(got "etc\/\*"\)/);
  await writeFile(agent.baseline, '');
  assert.equal((await agent.run(['update', '--baseline', agent.baseline])).code, 1);
  assert.equal(await readFile(agent.baseline, 'utf8'), '');
});

test('another scope than the baseline was made with is said, and accepted by an update of everything', async (t) => {
  const agent = await testAgent(t);
  await agent.run(['init', '--baseline', agent.baseline]);
  const narrow = join(agent.directory, 'narrow.yaml');
  await writeFile(
    narrow,
    `version: 1\npaths:\n  - path: ${agent.tree}\nexclude:\n  - ${agent.tree}/b.conf\n`,
  );
  const environment = { HOLDFAST_SCOPE_FILE: narrow };
  const checked = await agent.run(['check', '--baseline', agent.baseline], environment);
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /^unknown {2}\S+\/b\.conf {2}the scope no longer takes it in$/m);
  assert.match(checked.stdout, /^the scope differs from the baseline's/m);
  assert.match(
    (await agent.run(['update', '--baseline', agent.baseline], environment)).stdout,
    /^accepted 1, /m,
  );
  assert.equal((await agent.run(['check', '--baseline', agent.baseline], environment)).code, 0);
});

test("without a scope file, check uses the baseline's own scope", async (t) => {
  const agent = await testAgent(t);
  await agent.run(['init', '--baseline', agent.baseline]);
  const checked = await agent.run(['check', '--baseline', agent.baseline], { HOLDFAST_SCOPE_FILE: '' });
  assert.equal(checked.code, 0, checked.stderr);
});

/** A tree of the size of a real site, with one of everything, under concurrency, three times in a row. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { isPerpetual } from '@holdfast/collector/sweep/core/perpetual';
import type { StackResult } from '@holdfast/collector/sweep/core/stack-result';
import { startFakeProvider } from '../harness/terraform/provider.ts';
import { fakeFiles, needTerraform, StackTree } from '../harness/terraform/stack-tree.ts';

const names = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `stacks/s${String(from + i).padStart(3, '0')}`);
const edited = names(1, 4);
const pending = names(4, 6);
const broken = 'stacks/broken';
const hanging = 'stacks/hanging';
const excluded = 'stacks/excluded';
const perpetual = 'stacks/perpetual';
/** Seconds are enough for the others, and the hanging one costs as many in each run. */
const stackTimeoutMs = 8000;

test('126 stacks come out exactly as they are, three times in a row', { skip: needTerraform }, async () => {
  await using provider = await startFakeProvider();
  await using tree = await StackTree.create(provider.environment);
  const first = 'stacks/s000';
  await tree.apply(first, { 'main.tf': fakeFiles({ f: { path: tree.file('s000'), content: 'hello' } }) });
  for (const stack of [...names(1, 122), broken, hanging, excluded]) {
    const name = stack.slice('stacks/'.length);
    await writeFile(tree.file(name), 'hello');
    await tree.copy(first, stack, 's000', name);
  }
  await tree.apply(perpetual, {
    'main.tf': 'resource "terraform_data" "t" {\n  triggers_replace = timestamp()\n}\n',
  });
  assert.equal(tree.stacks.length, 126);
  for (const stack of edited) await writeFile(tree.file(stack.slice('stacks/'.length)), 'tampered');
  for (const stack of pending) await tree.edit(stack, 'main.tf', '"hello"', '"merged"');
  await tree.edit(broken, 'main.tf', '"hello"', 'var.nowhere');
  await writeFile(tree.file('hanging'), 'SLOW');

  const history = new Map<string, StackResult[]>();
  const fingerprints = new Set<string>();
  for (let run = 0; run < 3; run++) {
    const swept = await tree.sweep({
      limits: { concurrency: 6, stackTimeoutMs, graceMs: 200 },
      stacks: tree.stacks.map((stack) => ({
        stack,
        excludedBecause: stack === excluded ? 'applied by hand' : null,
      })),
    });
    const odd = swept.results
      .filter(({ outcome }) => outcome !== 'clean')
      .map(({ stack, outcome, phase, confirmed }) => `${stack} ${outcome} ${phase ?? confirmed}`);
    assert.deepEqual(odd, [
      `${broken} error config`,
      `${excluded} excluded false`,
      `${hanging} timeout false`,
      `${perpetual} pending true`,
      ...edited.map((stack) => `${stack} drift true`),
      ...pending.map((stack) => `${stack} pending true`),
    ]);
    assert.equal(swept.counts.clean, 126 - odd.length);
    assert.equal(swept.balanced, true);
    assert.equal(swept.endedBy, null);
    fingerprints.add(JSON.stringify(swept.results.map(({ fingerprint }) => fingerprint)));
    for (const result of swept.results)
      history.set(result.stack, [...(history.get(result.stack) ?? []), result]);
  }
  assert.equal(fingerprints.size, 1, 'the same differences have the same fingerprints');
  const standing = [...history].filter(([, results]) => isPerpetual(results, true)).map(([stack]) => stack);
  assert.deepEqual(standing, [perpetual]);
});

test('the canary of a sweep is found nowhere', { skip: needTerraform }, async () => {
  await using provider = await startFakeProvider();
  await using tree = await StackTree.create(provider.environment);
  const secret =
    'variable "holdfast_canary" {\n  type      = string\n  sensitive = true\n  default   = "a-default-secret"\n}\n';
  const code = (path: string) =>
    secret + fakeFiles({ f: { path, content: 'hello', more: 'token = var.holdfast_canary' } });
  const stacks = { fails: 'ERROR', differs: 'tampered', clean: 'hello' };
  for (const [stack, content] of Object.entries(stacks)) {
    await tree.apply(stack, { 'main.tf': code(tree.file(stack)) });
    await writeFile(tree.file(stack), content);
  }
  await tree.apply('crashes', { 'main.tf': secret });
  const seen = join(tree.directory, 'seen');
  const wrapper = join(tree.directory, 'wrapper');
  await writeFile(
    wrapper,
    `#!/bin/sh
echo "$TF_VAR_holdfast_canary" >> ${seen}
case $PWD in *crashes)
  echo "found $TF_VAR_holdfast_canary and $(printf %s "u:$TF_VAR_holdfast_canary" | base64 -w0) and $GIVEN_TOKEN" >&2; exit 3;;
esac
exec terraform "$@"
`,
    { mode: 0o755 },
  );
  const swept = await tree.sweep({
    command: [wrapper, 'plan'],
    ports: {
      credentials: async () => ({
        environment: { GIVEN_TOKEN: 'given by the vault' },
        secrets: ['given by the vault'],
      }),
    },
  });
  const canary = (await readFile(seen, 'utf8')).split('\n')[0]!;
  assert.ok(canary.length >= 32);
  assert.deepEqual(
    swept.results.map(({ stack, outcome, phase }) => [stack, outcome, phase]),
    [
      ['clean', 'pending', null], // the token has a new value in each sweep
      ['crashes', 'error', 'crash'],
      ['differs', 'drift', null],
      ['fails', 'error', 'provider'],
    ],
  );
  assert.match(swept.of('crashes').diagnostic!, /found \[redacted\] and \S*\[redacted\]\S* and \[redacted\]/);
  assert.match(swept.of('fails').diagnostic!, /key=\[redacted\] answered 500/);
  const kept = JSON.stringify(swept);
  const base64 = Buffer.from(canary).toString('base64').slice(0, 20);
  for (const secret of [canary, base64, 'a-default-secret', 'given by the vault']) {
    assert.ok(!kept.includes(secret), `${secret} is kept`);
  }
  assert.equal(swept.leaked, false);
  assert.deepEqual(await readdir(tree.workDirectory), []);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { placesInSources } from './harness/places-in-sources.ts';

test('the stack of an error in a bundle is read with the places in the sources', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-places-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const at = (name: string) => join(directory, name);
  await writeFile(at('main.ts'), `import { fail } from './fail.ts';\n\nfail('no');\n`);
  await writeFile(at('fail.ts'), `// why\nexport function fail(why: string) {\n  throw new Error(why);\n}\n`);
  const file = at('program.cjs');
  await build({
    entryPoints: [at('main.ts')],
    outfile: file,
    bundle: true,
    format: 'cjs',
    minifyWhitespace: true,
    sourcemap: 'linked',
  });
  const { stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.ok(stderr.includes(`(${file}:`), stderr);
  const stack = placesInSources(stderr).split('\n');
  assert.ok(stack.includes(`    at fail (${at('fail.ts')}:3:9)`), stack.join('\n'));
  assert.equal(placesInSources('at /nowhere.cjs:1:2'), 'at /nowhere.cjs:1:2');
});

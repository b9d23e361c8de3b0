/**
 * Runs every test of the repository, or those below the paths that are named: `npm test -- packages/shared`.
 * Type check, lint and format are tests too (test/checks.test.ts), so that the runner's summary says all there is.
 * Under CI a test that skips is a failure: a check that did not run has found nothing.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { bundleForTests } from './bundle-for-tests.ts';
import { groupTests } from './group-tests.ts';
import { holdPrograms } from './hold-programs.ts';

/** What of the runner's events is read here. */
type TestEvent =
  | { type: 'test:pass'; data: { name: string; skip?: string | boolean } }
  | { type: 'test:diagnostic'; data: { message: string } };

/** A file, or a group of them, that takes longer hangs: a multiple of what the longest takes on a slow machine. */
const testTimeoutMs = 900_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const named = process.argv.slice(2).map((path) => path.replace(/\/$/, ''));
const globs = (named.length > 0 ? named : ['packages/*/src', 'test']).map((path) =>
  path.endsWith('.ts') ? path : `${path}/**/*.test.ts`,
);

// A path that is misspelt would otherwise run nothing, and pass.
const empty = globs.filter((glob) => globSync(glob, { cwd: root }).length === 0);
const files = [...new Set(globs.flatMap((glob) => globSync(glob, { cwd: root })))];
if (empty.length > 0) {
  console.error(
    `no test matches ${empty.join(', ')}\nusage: npm test -- [PATH…]   (without a path: every test)`,
  );
  process.exit(1);
}

// What they start; a run within a run, of test/runner.test.ts, has it already.
const letGo = process.env['TEST_BUNDLES'] === undefined ? holdPrograms(root) : () => {};
process.env['TEST_BUNDLES'] ??= await bundleForTests();
// Each file is a process of its own, and most read the same modules.
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'node-compile');

run({
  cwd: root,
  files: groupTests(root, files),
  concurrency: Math.max(2, availableParallelism() - 1),
  timeout: testTimeoutMs,
})
  .on('test:fail', ({ todo }) => {
    if (todo === undefined || todo === false) process.exitCode = 1;
  })
  .pipe(failOnSkips(process.env['CI'] === 'true'))
  .pipe(new spec())
  .on('end', letGo)
  .pipe(process.stdout);

/** Lists what was skipped just before the runner's summary, which stays the last thing printed. */
function failOnSkips(skipsFail: boolean): Transform {
  const skipped: string[] = [];
  let told = false;
  return new Transform({
    objectMode: true,
    transform(event: TestEvent, _encoding, done) {
      if (event.type === 'test:pass' && event.data.skip !== undefined && event.data.skip !== false) {
        skipped.push(`  ${event.data.name}: ${event.data.skip}\n`);
      }
      const isSummary = event.type === 'test:diagnostic' && /^tests \d+$/.test(event.data.message);
      if (isSummary && skipped.length > 0 && !told) {
        told = true;
        if (skipsFail) process.exitCode = 1;
        const heading = skipsFail ? 'Skipped, which is a failure under CI:' : 'Skipped:';
        this.push({ type: 'test:stdout', data: { message: `\n${heading}\n${skipped.join('')}` } });
      }
      done(null, event);
    },
  });
}

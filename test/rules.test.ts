/** Rules of the code that no general linter knows. Each failure names every place at once. */
import { spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertNone,
  codeOf,
  isTest,
  readRepositoryFile,
  repositoryFiles,
  repositoryRoot,
  sourceFiles,
} from './repository.ts';

/** Time and randomness are arguments there, so that a decision can be tried again and comes out the same. */
const impure: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/, 'Date.now'],
  [/\bnew Date\b(?!\([^)])/, 'new Date()'],
  [/\bMath\.random\b/, 'Math.random'],
  [/\bperformance\.now\b/, 'performance.now'],
  [/\bprocess\./, 'process'],
  [/\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\(/, 'a timer'],
  [/\b(?:randomBytes|randomUUID|randomInt|getRandomValues)\(/, 'randomness'],
  [/\bfetch\(/, 'fetch'],
  [/\bconsole\./, 'console'],
];

test('core and shared call no clock, no timer, no randomness and no process', () => {
  const pure = sourceFiles.filter((path) =>
    /^packages\/(shared\/src|[^/]+\/src\/(sweep\/)?core)\//.test(path),
  );
  assertNone(occurrences(pure, impure), 'pass it in as an argument:');
});

test('the environment, the exit and signals belong to main.ts', () => {
  const others = sourceFiles.filter((path) => !path.endsWith('/src/main.ts'));
  const calls = [
    [/\bprocess\.env\b/, 'process.env'],
    [/\bprocess\.exit\b/, 'process.exit'],
    [/\bprocess\.(?:on|once)\(["'`]SIG/, 'a signal handler'],
  ] as const;
  assertNone(occurrences(others, calls), 'move it to main.ts:');
});

test('main.ts is a table of contents, under 40 lines', () => {
  const long = sourceFiles
    .filter((path) => path.endsWith('/src/main.ts'))
    .map((path) => ({ path, lines: readRepositoryFile(path).split('\n').length - 1 }))
    .filter(({ lines }) => lines >= 40);
  assertNone(
    long.map(({ path, lines }) => `${path}: ${lines} lines`),
    'too long:',
  );
});

test('no file is longer than 300 lines and no function longer than 70; tests may have 500', () => {
  const { status, stdout } = spawnSync('node_modules/.bin/oxlint', ['-c', 'test/size.oxlintrc.json'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
});

test('exports are named', () => {
  const defaults = sourceFiles.filter((path) =>
    /\bexport default\b|\bexport\s*\*\s*from\b/.test(codeOf(path)),
  );
  assertNone(defaults, 'a default export, or a barrel:');
});

test('no unfinished mark and no test that shuts the others out is left', () => {
  const marks = [
    [/\b(?:TODO|FIXME|XXX|HACK)\b/, 'an unfinished mark'],
    [/\b(?:test|it|describe|suite)\.only\b|\bonly:\s*true\b/, 'a test that shuts the others out'],
    [/@ts-(?:ignore|nocheck)\b/, 'a suppressed type error'],
  ] as const;
  const ours = repositoryFiles.filter((path) => path !== 'test/rules.test.ts' && isText(path));
  assertNone(occurrences(ours, marks, readRepositoryFile), 'finish it, or say it in an issue:');
});

test('no file names a directory of the machine it was written on', () => {
  const ours = repositoryFiles.filter((path) => isText(path) && path !== 'test/rules.test.ts');
  const places = [
    [new RegExp(`${repositoryRoot.replaceAll(/\W/g, '\\$&')}(?![\\w-])`), 'this checkout'],
    [/(?<![\w.])\/(?:home|Users)\/[a-z][\w-]*\//, 'a home directory'],
  ] as const;
  assertNone(occurrences(ours, places, readRepositoryFile), 'write it relative to the root:');
});

test('source files are named in lower case with dashes, after what they do', () => {
  const code = repositoryFiles.filter((path) => /\.(ts|mjs)$/.test(path));
  const odd = code.filter((path) => {
    const name = path.split('/').at(-1)!;
    return (
      !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|mjs)$/.test(name) ||
      (/^(utils?|helpers?|managers?|common|misc)\.ts$/.test(name) && !isTest(path))
    );
  });
  assertNone(odd, 'give it a name that says what is in it:');
});

function occurrences(
  files: readonly string[],
  patterns: readonly (readonly [RegExp, string])[],
  read: (path: string) => string = codeOf,
): string[] {
  return files.flatMap((path) => {
    const text = read(path);
    return patterns.filter(([pattern]) => pattern.test(text)).map(([, what]) => `${path}: ${what}`);
  });
}

function isText(path: string): boolean {
  return /\.(ts|mjs|json|md|ya?ml|sh|service|toml)$|(^|\/)(run|Dockerfile|LICENSE)$/.test(path);
}

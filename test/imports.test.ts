/**
 * Imports point inward: main → commands → run → edges → core → shared. Decisions stay pure because core and shared
 * cannot reach a file, a socket, a clock or another process.
 */
import { posix } from 'node:path';
import { test } from 'node:test';
import { assertNone, codeOf, importsOf, isTest, repositoryFiles, sourceFiles } from './repository.ts';

/** Libraries that only compute. */
const corePackages = ['@holdfast/shared', 'diff', 'typebox', 'yaml'];
/** Core may name the types of the interface that the store implements, and no more of it. */
const storeInterface = '#store/store';
const coreBuiltins = ['node:crypto', 'node:path', 'node:util', 'node:assert'];
const sharedImports = ['node:crypto', 'typebox', 'yaml'];

test('shared imports nothing but node:crypto, its two libraries and itself', () => {
  assertNone(
    findings(inPackage('shared'), (imported) =>
      imported.startsWith('./') || isOneOf(imported, sharedImports) ? null : 'is not allowed in shared',
    ),
    'shared must stay pure:',
  );
});

test('core imports no edge and nothing that acts', () => {
  const core = sourceFiles.filter((path) => /^packages\/(agent|collector)\/src\/(sweep\/)?core\//.test(path));
  assertNone(
    findings(core, (imported, path) => {
      if (/^#(sweep\/)?core\//.test(imported)) return null;
      if (imported === storeInterface && !codeOf(path).includes(storeInterface)) return null;
      if (isRelative(imported)) {
        return /\/src\/(sweep\/)?core\//.test(resolve(path, imported)) ? null : 'is an edge';
      }
      return isOneOf(imported, [...corePackages, ...coreBuiltins]) ? null : 'is an edge, or acts';
    }),
    'core must stay pure:',
  );
});

test('nothing imports main.ts, and only main.ts and commands import run.ts', () => {
  assertNone(
    findings(sourceFiles, (imported, path) => {
      if (!isRelative(imported)) return null;
      const target = resolve(path, imported);
      if (target.endsWith('/src/main.ts')) return 'is the entry';
      const mayRun = /\/src\/(main\.ts|commands\/.*)$/.test(path);
      return target.endsWith('/src/run.ts') && !mayRun ? 'is composed of this file' : null;
    }),
    'imports must point inward:',
  );
});

test('agent and collector never import each other', () => {
  for (const [here, other] of [
    ['agent', 'collector'],
    ['collector', 'agent'],
  ] as const) {
    const files = repositoryFiles.filter(
      (path) => path.startsWith(`packages/${here}/`) && isTypeScript(path),
    );
    assertNone(
      findings(files, (imported, path) =>
        isOneOf(imported, [`@holdfast/${other}`]) || resolve(path, imported).startsWith(`packages/${other}/`)
          ? 'is the other program'
          : null,
      ),
      'the two programs meet only in shared and in test/:',
    );
  }
});

test('what ships imports no test code and nothing by a path out of its package', () => {
  assertNone(
    findings(sourceFiles, (imported, path) => {
      if (!isRelative(imported)) return null;
      const target = resolve(path, imported);
      const [packages, name] = path.split('/');
      const ships =
        target.startsWith(`${packages}/${name}/src/`) || target === `${packages}/${name}/package.json`;
      return ships && !isTest(target) ? null : 'does not ship with this file';
    }),
    'sources import sources:',
  );
});

function findings(
  files: readonly string[],
  judge: (imported: string, path: string) => string | null,
): string[] {
  return files.flatMap((path) =>
    importsOf(path).flatMap((imported) => {
      const problem = judge(imported, path);
      return problem === null ? [] : [`${path}: ${imported} ${problem}`];
    }),
  );
}

function inPackage(name: string): string[] {
  return sourceFiles.filter((path) => path.startsWith(`packages/${name}/src/`));
}

function resolve(path: string, imported: string): string {
  return posix.join(posix.dirname(path), imported);
}

const isRelative = (imported: string): boolean => imported.startsWith('.');
const isTypeScript = (path: string): boolean => path.endsWith('.ts');

function isOneOf(imported: string, names: readonly string[]): boolean {
  return names.some((name) => imported === name || imported.startsWith(`${name}/`));
}

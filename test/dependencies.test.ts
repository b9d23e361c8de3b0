/** Dependencies: exact, used, and the same version everywhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNone, importsOf, readRepositoryFile, repositoryFiles } from './repository.ts';

interface PackageJson {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Development tools that no file imports, and what shows that each is used. */
const tools: Readonly<Record<string, readonly [file: string, sign: string]>> = {
  '@biomejs/biome': ['package.json', 'biome format'],
  '@types/node': ['tsconfig.json', '"types": ["node"]'],
  node: ['scripts/bootstrap.mjs', "'node_modules', 'node'"],
  oxlint: ['package.json', 'oxlint '],
  'oxlint-tsgolint': ['package.json', '--type-aware'],
  postject: ['scripts/build/single-executable.ts', 'postject/dist/cli.js'],
  typescript: ['package.json', 'tsc '],
};

const manifests = repositoryFiles
  .filter((path) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
  .map((path) => ({ path, directory: path.slice(0, -'package.json'.length), content: parse(path) }));

test('every version is exact, so that a fresh clone gets what was tested', () => {
  const loose = manifests.flatMap(({ path, content }) =>
    Object.entries({ ...content.dependencies, ...content.devDependencies })
      .filter(([, version]) => version !== 'workspace:*' && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${path}: ${name} ${version}`),
  );
  assertNone(loose, 'write the exact version:');
});

test('one package has one version in the whole workspace', () => {
  const versions = new Map<string, Set<string>>();
  for (const { content } of manifests) {
    for (const [name, version] of Object.entries({ ...content.dependencies, ...content.devDependencies })) {
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
  }
  const split = [...versions].filter(([, all]) => all.size > 1);
  assertNone(
    split.map(([name, all]) => `${name}: ${[...all].join(', ')}`),
    'choose one:',
  );
});

test('packages are installed for the Node that runs them, not for the one that installs', () => {
  const { devDependencies } = parse('package.json');
  const [, nodeVersion] = /^nodeVersion: (.+)$/m.exec(readRepositoryFile('pnpm-workspace.yaml')) ?? [];
  assert.equal(nodeVersion, devDependencies?.['node']);
});

test('every dependency is used', () => {
  const unused = manifests.flatMap(({ path, directory, content }) => {
    const imported = importedBelow(directory);
    return Object.keys({ ...content.dependencies, ...content.devDependencies })
      .filter((name) => !imported.has(name) && !isUsedTool(name, imported))
      .map((name) => `${path}: ${name}`);
  });
  assertNone(unused, 'remove it:');
});

test('every import is a dependency of the package that imports it', () => {
  const missing = manifests.flatMap(({ path, directory, content }) => {
    const declared = { ...content.dependencies, ...content.devDependencies };
    return [...importedBelow(directory)]
      .filter((name) => !(name in declared))
      .map((name) => `${path}: ${name}`);
  });
  assertNone(missing, 'declare it:');
});

test('the lockfile names no registry host', () => {
  assert.doesNotMatch(readRepositoryFile('pnpm-lock.yaml'), /https?:\/\//);
});

/** Names of the packages that files below `directory` import, without those of packages inside it. */
function importedBelow(directory: string): Set<string> {
  const files = repositoryFiles.filter(
    (path) =>
      /\.(ts|mjs)$/.test(path) &&
      path.startsWith(directory) &&
      (directory !== '' || !path.startsWith('packages/')),
  );
  const names = files.flatMap(importsOf).filter((name) => !/^(\.|#|node:)/.test(name));
  return new Set(
    names.map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    ),
  );
}

function isUsedTool(name: string, imported: ReadonlySet<string>): boolean {
  if (name.startsWith('@types/') && imported.has(name.slice('@types/'.length))) return true;
  const tool = tools[name];
  return (
    tool !== undefined && repositoryFiles.includes(tool[0]) && readRepositoryFile(tool[0]).includes(tool[1])
  );
}

function parse(path: string): PackageJson {
  return JSON.parse(readRepositoryFile(path)) as PackageJson;
}

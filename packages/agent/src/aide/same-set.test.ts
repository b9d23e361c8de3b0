/** What the scope takes in and what AIDE's rules take in is the same set: asked of AIDE itself, over hostile names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { aideConfig } from '@holdfast/shared/aide-config';
import { encodePathText } from '@holdfast/shared/path-text';
import { checkScope, compileScope, type Scope, ScopeError } from '@holdfast/shared/scope';
import { needTool } from '../../../../test/need.ts';
import { type Random, seededRandom } from '../../../../test/random.ts';

const names = [
  'a',
  'ab',
  'b.conf',
  '.b.conf.swp',
  'A',
  'F',
  '%',
  '%41',
  'x%',
  '41',
  '0A',
  'A0A',
  '-',
  '~',
  '#h',
  '!n',
  '=e',
  '$d',
  '^c',
  'sp ace',
  ' ',
  'tab\t',
  'nl\n',
  'new\nline',
  '\nA',
  '"q',
  "'q",
  'back\\slash',
  '\\',
  '[x]',
  '(y',
  '{z}',
  '*',
  '?',
  '+',
  '|',
  '@x',
  '@@x',
  ';',
  ',',
  '\x01',
  '\x1f',
  '\x7f',
  '\x1b[31m',
  '\xff',
  '\xff.conf',
  'x\xff',
  '\xc3',
  '\xc3\xa9',
  '\xc3\xa9.conf',
  '\xc3\xc3\xa9',
  '\xed\xa0\x80',
  '\xe2\x80\x8b',
  '\xe2\x82\xac',
  '\xf0\x9f\x90\xb3',
  '\xc2\xad',
  'n'.repeat(255),
];

const needsAide = needTool('aide', 'apt-get install -y aide');

describe('over a tree of hostile names', { skip: needsAide }, () => {
  let root: string;
  let all: string[];

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-aide-set-'));
    const make = (directory: string, depth: number): void => {
      mkdirSync(bytes(directory), { recursive: true });
      for (const [i, name] of names.entries()) {
        const path = `${directory}/${name}`;
        if (depth < 2 && i % (depth === 0 ? 6 : 20) === 0) make(path, depth + 1);
        else if (i % 7 === 1) symlinkSync('a', bytes(path));
        else writeFileSync(bytes(path), 'x');
      }
    };
    for (const top of ['etc', 'etc2', 'usr/bin']) make(`${root}/${top}`, top === 'etc' ? 0 : 2);
    all = [...walk(root, '')];
  });

  after(() => rmSync(root, { recursive: true, force: true }));

  const scopes: Record<string, Scope> = {
    'a tree beside one of a longer name': { version: 1, paths: [{ path: '/etc' }] },
    'single files': {
      version: 1,
      paths: [{ path: '/etc/a' }, { path: '/usr/bin/%0AA' }, { path: '/etc2/é' }],
    },
    'an exclude with a rule below it': {
      version: 1,
      paths: [{ path: '/etc' }, { path: '/etc/a/b.conf' }],
      exclude: ['/etc/a/**', '/etc/a'],
    },
    'an exclude that ties with a rule, and one that is shorter': {
      version: 1,
      paths: [{ path: '/etc' }, { path: '/etc/ab' }, { path: '/etc/ab/F' }],
      exclude: ['/etc/a*', '/etc/ab/*', '/etc/**/*.conf'],
    },
    'the root, with exceptions': {
      version: 1,
      paths: [{ path: '/' }, { path: '/etc/a/a' }],
      exclude: ['/etc/a', '/**/*.conf', '/us?'],
    },
    'a newline in an exclude, and what only looks like one': {
      version: 1,
      paths: [{ path: '/etc' }],
      exclude: ['/etc/nl%0A', '/etc/*0A', '/etc/???', '/etc/?', '/etc/[!a]', '/etc/[%-~]*'],
    },
  };
  for (const [what, scope] of Object.entries(scopes)) {
    test(what, () => assertSameSet(root, all, checkScope(scope)));
  }

  test('scopes at random', () => {
    const random = seededRandom(3);
    for (let i = 0; i < 40; i++) {
      const scope = randomScope(random, all);
      if (scope) assertSameSet(root, all, scope);
    }
  });
});

function assertSameSet(root: string, all: readonly string[], scope: Scope): void {
  const matcher = compileScope(scope);
  const ours = all.filter((path) => matcher.match(path) !== null);
  assert.deepEqual(aideTakes(root, scope), ours.sort(), JSON.stringify(scope));
}

/** The names in the database that AIDE makes. */
function aideTakes(root: string, scope: Scope): string[] {
  const config = aideConfig({
    scope,
    dialect: { names: 'bytes', attributes: [] },
    hostRoot: root,
    mounts: [],
  })
    .replace(/^report_url=.*$/m, 'report_url=file:/dev/null')
    .replace(/^database_in=.*\n/m, '')
    .replace(/^database_out=.*$/m, 'database_out=stdout');
  const database = execFileSync('aide', ['--config=-', '--init'], {
    input: Buffer.from(config),
    encoding: 'latin1',
    maxBuffer: 64 * 1024 * 1024,
  });
  return database
    .split('\n')
    .filter((line) => line.startsWith('/'))
    .map((line) => encodePathText(decodeName(line.slice(0, line.indexOf(' ')))))
    .sort();
}

function decodeName(name: string): string {
  return name.replaceAll(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function* walk(root: string, path: string): Generator<string> {
  for (const entry of readdirSync(bytes(root + (path || '/')), { withFileTypes: true, encoding: 'buffer' })) {
    const below = `${path}/${(entry.name as unknown as Buffer).toString('latin1')}`;
    yield encodePathText(below);
    if (entry.isDirectory()) yield* walk(root, below);
  }
  if (path === '') yield '/';
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** Null where what came out is no scope. */
function randomScope(random: Random, all: readonly string[]): Scope | null {
  const some = (limit: number, make: () => string): string[] =>
    Array.from({ length: random.below(limit + 1) }, make);
  const paths = [random.pick(['/', '/etc', '/etc']), ...some(3, () => random.pick(all))];
  try {
    return checkScope({
      version: 1,
      paths: [...new Set(paths)].map((path) => ({ path, attributes: ['type'] as const })),
      exclude: some(4, () => randomGlob(random, all)),
    });
  } catch (error) {
    if (error instanceof ScopeError) return null;
    throw error;
  }
}

/** A path of the tree in which some characters became wildcards. */
function randomGlob(random: Random, all: readonly string[]): string {
  const escaped = random.pick(all).replaceAll(/[*?[\]{}\\@!+]/g, '\\$&');
  const parts = escaped.slice(1).split('/');
  const wild = parts.map((part) => {
    if (random.oneIn(8)) return '**';
    return part.replaceAll(/\\.|./gu, (character) => {
      if (!random.oneIn(parts.length + 1)) return character;
      const choices = ['?', '*', `[${character}b]`, '[!x]', '[%-9]', `{${character},ab}`, '[0-F]*', '??'];
      return random.pick(choices);
    });
  });
  return `/${wild.join('/')}`;
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type AideDatabase,
  AideDatabaseScan,
  aideDatabaseText,
  maxAideLineCharacters,
  readAideDatabase,
} from './aide-database.ts';
import { rowOf } from './aide-row.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../fixtures/aide/${name}.db.txt`, import.meta.url), 'latin1');
const captured = ['0.18.3', '0.19.3'].map((version) => [version, read(version)] as const);

function whole(text: string): AideDatabase {
  const database = readAideDatabase(text);
  if (typeof database === 'string') throw new Error(database);
  return database;
}

for (const [version, text] of captured) {
  test(`a database of AIDE ${version} is read as it was written`, () => {
    const database = whole(text);
    assert.equal(database.rows.size, 8);
    assert.deepEqual(rowOf(database.rows.get('/etc/a.conf')!, database.spec), {
      path: '/etc/a.conf',
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 6,
      sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
      acl: '',
      xattrs: '',
      caps: '',
      selinux: '',
      linkCount: 1,
    });
    assert.deepEqual(rowOf(database.rows.get('/etc/lnk')!, database.spec).target, 'a.conf');
    assert.equal(rowOf(database.rows.get('/etc')!, database.spec).type, 'directory');
    assert.equal(aideDatabaseText(database.specLine, database.rows.values()), text);
  });
}

test('every byte that a name can have goes through, in our text form', () => {
  const { rows, spec } = whole(read('0.18.3.hostile-names'));
  for (let byte = 1; byte < 256; byte++) {
    if (byte === 0x2f) continue;
    const isPlain = byte > 0x1f && byte < 0x7f && byte !== 0x25;
    const hex = byte.toString(16).toUpperCase().padStart(2, '0');
    const path = `/srv/t/n${isPlain ? String.fromCharCode(byte) : `%${hex}`}`;
    const line = rows.get(path);
    assert.ok(line, path);
    assert.equal(rowOf(line, spec).path, path);
  }
  assert.ok(rows.has('/srv/t/é€') && rows.has('/srv/t/@@end_db') && rows.has('/srv/t/sp ace'));
});

test('link targets, lists, capabilities, attributes and flags are told in words', () => {
  const { rows, spec } = whole(read('0.18.3.hostile-names'));
  const row = (name: string) => rowOf(rows.get(`/srv/t/${name}`)!, spec);
  assert.deepEqual([row('l0').target, row('l2').target, row('l3').target], ['0', 'a b%0Aÿ', 'q%FF%25']);
  assert.equal(row('0').caps, 'cap_net_raw=ep');
  assert.match(row('0').xattrs!, /^security\.capability \(20 bytes, sha256 [0-9a-f]{16}…\)$/);
  assert.match(row('sp ace').xattrs!, /^user\.empty \(0 bytes.*\nuser\.foo \(3 bytes/);
  assert.match(row('empty').acl!, /^user:4321:r--\ngroup::r--$/);
  assert.match(row('d').acl!, /^default:user::rwx\n/);
  assert.deepEqual([row('é€').e2fsattrs, row('0').e2fsattrs], ['ie (0x80010)', 'e (0x80000)']);
  assert.deepEqual(
    ['ff', 'sock', 'd', 'l0'].map((name) => row(name).type),
    ['fifo', 'socket', 'directory', 'symlink'],
  );
});

const good = captured[0]![1];
const damaged: readonly (readonly [name: string, text: string, problem: RegExp])[] = [
  ['nothing', '', /is empty/],
  ['cut off within a line', good.slice(0, 700), /cut off/],
  ['cut off after a line', good.slice(0, good.indexOf('\n/etc/lnk') + 1), /cut off/],
  ['without its last newline', good.slice(0, -1), /cut off/],
  ['garbage', 'garbage\n', /does not begin with @@begin_db/],
  ['without columns', good.replace(/@@db_spec.*\n/, ''), /its columns/],
  ['without a column that is needed', good.replace(' attr ', ' other '), /no column attr/],
  ['with a column twice', good.replace(' uid ', ' gid '), /named twice/],
  ['with a field too few', good.replace(' 2179500 ', ' '), /row 2 .* columns/],
  ['with a field too many', good.replace(' 2179500 ', ' 2179500 1 '), /row 2 .* columns/],
  ['with a byte that AIDE escapes', good.replace('/etc/gone', '/etc/g\xf6ne'), /row 3 /],
  ['with a NUL in a name', good.replace('/etc/gone', '/etc/g%00ne'), /no path/],
  ['with a name that is no path', good.replace('/etc/gone', '/etc/../gone'), /no path/],
  ['with a path twice', good.replace('/etc/gone', '/etc/lnk'), /lnk is in the database twice/],
  ['with a path in two spellings', good.replace('/etc/gone', '/etc/ln%6B'), /lnk is in the database twice/],
  ['that goes on', `${good}/etc/more\n`, /goes on after/],
  ['in two', good + good, /goes on after/],
  ['with a second beginning', good.replace('/etc/gone', '@@begin_db'), /row 3 /],
];

for (const [name, text, problem] of damaged) {
  test(`a database is refused: ${name}`, () => {
    const read = readAideDatabase(text);
    assert.match(typeof read === 'string' ? read : 'taken', problem);
  });
}

test('a database that comes in pieces is judged as in one', () => {
  for (const text of [good, ...damaged.map(([, text]) => text)]) {
    const [atOnce, inPieces] = [new AideDatabaseScan(), new AideDatabaseScan()];
    atOnce.take(text);
    for (let i = 0; i < text.length; i += 7) inPieces.take(text.slice(i, i + 7));
    assert.deepEqual(inPieces.end(), atOnce.end());
  }
});

test('a line that never ends is not gathered', () => {
  const scan = new AideDatabaseScan();
  scan.take('@@begin_db\n');
  for (let i = 0; i <= maxAideLineCharacters; i += 65_536) scan.take('x'.repeat(65_536));
  assert.match(scan.end().problem!, /never ends/);
});

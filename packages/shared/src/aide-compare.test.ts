import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareAideDatabases } from './aide-compare.ts';
import { type AideDatabase, aideDatabaseText, readAideDatabase } from './aide-database.ts';

const specLine =
  '@@db_spec name lname perm uid gid size inode lcount attr acl sha256 selinux xattrs e2fsattrs capabilities ';
/** Type, mode, owner, group, size, links, list, content, attributes; and flags. */
const everything = 112744990781;
const withoutContent = everything - 2 ** 30;
const withCaps = everything + 2 ** 37;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const acl = (...entries: string[]) => `POSIX,${base64(`${entries.join('\n')}\n`)},0`;
const minimal = acl('user::rw-', 'group::r--', 'other::r--');

interface Fields {
  readonly perm?: string;
  readonly uid?: number;
  readonly size?: number;
  readonly inode?: number;
  readonly links?: number;
  readonly attr?: number;
  readonly acl?: string;
  readonly content?: string;
  readonly xattrs?: string;
  readonly flags?: number;
  readonly caps?: string;
}

function line(name: string, fields: Fields = {}): string {
  const { perm = '100644', uid = 0, size = 1, inode = 1, links = 1, attr = everything } = fields;
  const { content = 'a', xattrs = '0', flags = 524288, caps = '0' } = fields;
  const sha256 = (attr / 2 ** 30) % 2 >= 1 ? base64(content.repeat(32)) : '0';
  const list = fields.acl ?? minimal;
  return `${name} 0 ${perm} ${uid} 0 ${size} ${inode} ${links} ${attr} ${list} ${sha256} 0 ${xattrs} ${flags} ${caps}`;
}

function database(...lines: string[]): AideDatabase {
  const read = readAideDatabase(aideDatabaseText(specLine, lines));
  if (typeof read === 'string') throw new Error(read);
  return read;
}

const named = acl('user::rw-', 'user:1000:r--', 'group::r--', 'mask::r--', 'other::r--');
const namedWider = acl('user::rw-', 'user:1000:r--', 'group::r--', 'mask::rw-', 'other::r--');

/** AIDE's own count is what the program said of such rows. */
const table: readonly (readonly [what: string, before: Fields, after: Fields, expected: string])[] = [
  ['nothing', {}, {}, 'same'],
  ['another inode', {}, { inode: 2 }, 'same'],
  ['content', {}, { content: 'b' }, 'sha256 counted'],
  ['mode, and the list that follows it', {}, { perm: '100600', acl: named }, 'mode,acl counted'],
  [
    'mode alone, where the list is the mode',
    {},
    { perm: '100600', acl: acl('user::rw-', 'group::---', 'other::---') },
    'mode counted',
  ],
  ['a list', {}, { acl: named }, 'acl counted'],
  [
    'the mask of a list, which is the mode of the group',
    { acl: named },
    { perm: '100664', acl: namedWider },
    'mode counted',
  ],
  ['capabilities gained', {}, { attr: withCaps, caps: base64('cap_net_raw=ep') }, 'caps counted'],
  ['capabilities lost', { attr: withCaps, caps: base64('cap_net_raw=ep') }, {}, 'caps counted'],
  ['an extended attribute', {}, { xattrs: '1,user.a,MQ==' }, 'xattrs counted'],
  [
    'the order of its extended attributes',
    { xattrs: '2,user.a,MQ==,user.b,Mg==' },
    { xattrs: '2,user.b,Mg==,user.a,MQ==' },
    'same',
  ],
  [
    'one of its extended attributes',
    { xattrs: '2,user.a,MQ==,user.b,Mg==' },
    { xattrs: '2,user.b,MQ==,user.a,MQ==' },
    'xattrs counted',
  ],
  ['flags', {}, { flags: 524304 }, 'e2fsattrs counted'],
  ['links', {}, { links: 2 }, 'linkCount counted'],
  ['a content that cannot be read any more', {}, { attr: withoutContent, size: 1 }, 'same lost'],
  ['a content that could not be read before', { attr: withoutContent }, {}, 'same gained'],
  ['an unread content with another owner', {}, { attr: withoutContent, uid: 7 }, 'uid counted lost'],
  ['another type', {}, { perm: '40755', attr: 111671248957 }, 'type,mode counted'],
];

for (const [what, before, after, expected] of table) {
  test(`a row that differs in ${what}: ${expected}`, () => {
    const { findings, counts, lost, gained } = compareAideDatabases(
      database(line('/etc', { perm: '40755' }), line('/etc/x', before)),
      database(line('/etc', { perm: '40755' }), line('/etc/x', after)),
    );
    const verdict = [
      findings.length === 0 ? 'same' : findings.map(({ attributes }) => attributes.join()).join(' and '),
      counts.changed === 1 ? 'counted' : '',
      lost.length === 1 ? 'lost' : '',
      gained.length === 1 ? 'gained' : '',
    ];
    assert.equal(verdict.filter((part) => part !== '').join(' '), expected);
  });
}

test('rows that come and go are added and removed', () => {
  const { findings, counts } = compareAideDatabases(
    database(line('/a'), line('/b'), line('/c')),
    database(line('/d'), line('/b')),
  );
  assert.deepEqual(
    findings.map(({ change, path }) => `${change} ${path}`),
    ['added /d', 'removed /a', 'removed /c'],
  );
  assert.deepEqual(counts, { added: 1, removed: 2, changed: 0 });
});

test('databases with other columns are compared in what both have', () => {
  const before = database(line('/a'), line('/b'));
  const shorter = readAideDatabase(
    aideDatabaseText('@@db_spec name perm uid attr', ['/a 100644 0 12', '/b 100644 5 12']),
  );
  if (typeof shorter === 'string') throw new Error(shorter);
  const { findings } = compareAideDatabases(before, shorter);
  assert.deepEqual(
    findings.map(({ path, attributes }) => [path, attributes]),
    [['/b', ['uid']]],
  );
});

test('forty thousand rows are compared well within a second', () => {
  const rows = (seed: number) =>
    database(
      ...Array.from({ length: 40_000 }, (_, i) =>
        line(`/usr/share/package-${i}`, { inode: i, size: i % 50 === 0 ? i + seed : i }),
      ),
    );
  const [before, after] = [rows(0), rows(1)];
  const start = process.cpuUsage();
  const { findings } = compareAideDatabases(before, after);
  const spent = process.cpuUsage(start);
  assert.equal(findings.length, 800);
  assert.ok(spent.user + spent.system < 600_000, `${spent.user + spent.system} µs`);
});

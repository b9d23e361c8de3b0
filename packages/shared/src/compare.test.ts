import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../test/random.ts';
import { compareEntries, compareManifests, type Finding, type Visibility } from './compare.ts';
import { type Attribute, type Entry, unreadReasons } from './entry.ts';
import { Manifest } from './manifest.ts';

const path = '/etc/x';
const file = {
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1,
  sha256: 'a'.repeat(64),
} as const satisfies Entry;
const symlink = { path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, target: 'y' } as const satisfies Entry;

/** `file` as it is seen when its content cannot be read. */
const unread = (reason: NonNullable<Entry['unread']>): Entry => {
  const { sha256: _, size: __, ...rest } = file;
  return { ...rest, unread: reason };
};

type Verdict = string;

/** A finding in one line: `changed mode,uid`, `unknown stale`, `changed mode + unknown permission`, or `same`. */
function verdict(finding: Finding | null): Verdict {
  if (!finding) return 'same';
  const { drift, unknown } = finding;
  return [
    drift ? `${drift.change} ${drift.attributes.join()}`.trim() : null,
    unknown ? `unknown ${unknown}` : null,
  ]
    .filter((part) => part !== null)
    .join(' + ');
}

const none: Visibility = { hidden: () => null, leftScope: () => false, enteredScope: () => false };
const { mode: _mode, ...withoutMode } = file;
const { sha256: _sha256, size: _size, ...withoutContent } = file;

const table: readonly (readonly [
  rule: string,
  before: Entry | null,
  after: Entry | null,
  expected: Verdict,
  visibility?: Partial<Visibility>,
])[] = [
  ['nothing on either side', null, null, 'same'],
  ['1 gone', file, null, 'removed'],
  ['1 gone, left the scope', file, null, 'unknown left-scope', { leftScope: () => true }],
  ['1 gone, hidden', file, null, 'unknown unreadable', { hidden: () => 'unreadable' }],
  [
    '1 leaving the scope explains more than being hidden',
    file,
    null,
    'unknown left-scope',
    { leftScope: () => true, hidden: () => 'mount' },
  ],
  ['2 new', null, file, 'added'],
  ['2 new, entered the scope', null, file, 'unknown entered-scope', { enteredScope: () => true }],
  ['2 new and unread', null, unread('permission'), 'added + unknown permission'],
  ['3 stale, though it differs', file, { ...file, mode: 0o600, unread: 'stale' }, 'unknown stale'],
  ['3 stale of another type', symlink, unread('stale'), 'unknown stale'],
  ['4 another type', file, { ...symlink, mode: 0o644 }, 'changed type'],
  ['4 another type and owner', file, { ...symlink, mode: 0o644, uid: 5 }, 'changed type,uid'],
  [
    '4 another type, unread',
    symlink,
    { ...unread('permission'), mode: 0o777 },
    'changed type + unknown permission',
  ],
  ['5 detached', file, { ...file, unread: 'detached' }, 'changed detached + unknown detached'],
  [
    '5 detached, with another mode',
    file,
    { ...file, mode: 0, unread: 'detached' },
    'changed mode,detached + unknown detached',
  ],
  ['6 equal', file, { ...file }, 'same'],
  ['6 mode', file, { ...file, mode: 0o600 }, 'changed mode'],
  ['6 owner', file, { ...file, uid: 1, gid: 1 }, 'changed uid,gid'],
  ['6 content', file, { ...file, size: 2, sha256: 'b'.repeat(64) }, 'changed size,sha256'],
  ['6 content of the same length', file, { ...file, sha256: 'b'.repeat(64) }, 'changed sha256'],
  ['6 target', symlink, { ...symlink, target: 'z' }, 'changed target'],
  ['6 target made empty', symlink, { ...symlink, target: '' }, 'changed target'],
  [
    '6 device',
    { path, type: 'block-device', device: '8:0' },
    { path, type: 'block-device', device: '8:1' },
    'changed device',
  ],
  ['6 mode to zero is a value, not a lack', file, { ...file, mode: 0 }, 'changed mode'],
  ['7 unread, though the rest is equal', file, unread('permission'), 'unknown permission'],
  [
    '7 unread beside a drift',
    file,
    { ...unread('permission'), mode: 0 },
    'changed mode + unknown permission',
  ],
  ['7 unread on both sides', unread('too-large'), unread('too-large'), 'unknown too-large'],
  ['7 the observation lacks an attribute', file, withoutMode, 'unknown unmeasured'],
  ['7 the baseline could not read it', unread('permission'), file, 'unknown unmeasured'],
  [
    '7 the baseline could not read it, beside a drift',
    unread('io-error'),
    { ...file, mode: 0 },
    'changed mode + unknown unmeasured',
  ],
  ['8 the baseline never recorded it', withoutContent, file, 'same'],
  ['8 the baseline never recorded it, beside a drift', withoutContent, { ...file, uid: 9 }, 'changed uid'],
];

for (const [rule, before, after, expected, visibility] of table) {
  test(`rule ${rule}: ${expected}`, () => {
    const finding = compareEntries(before, after, { ...none, ...visibility });
    assert.equal(verdict(finding), expected);
    if (finding?.drift) {
      assert.deepEqual([finding.drift.before, finding.drift.after], [before, after]);
      assert.equal(finding.drift.path, path);
    }
  });
}

test('no reason for not reading a path lets it pass for equal', () => {
  for (const reason of unreadReasons) {
    assert.notEqual(compareEntries(file, { ...file, unread: reason }, none), null, reason);
  }
});

test('a comparison of manifests finds what one of every path finds', () => {
  const random = seededRandom(4);
  const visibility: Visibility = {
    hidden: (before) => (before.path.endsWith('7') ? 'empty' : null),
    leftScope: (at) => at.endsWith('8'),
    enteredScope: (at) => at.endsWith('9'),
  };
  for (let round = 0; round < 60; round++) {
    const size = random.pick([0, 1, 30, 600]);
    const before = randomEntries(random, size);
    // Some manifests have nothing in common, others nearly everything, so that equal buckets are passed over.
    const after = random.oneIn(4) ? randomEntries(random, size) : mutated(random, before);
    const findings = compareManifests(
      new Manifest('0', before.values()).buckets(),
      new Manifest('0', after.values()).buckets(),
      visibility,
    );
    const paths = new Set([...before.keys(), ...after.keys()]);
    const expected = [...paths]
      .map((at) => [at, naive(before.get(at), after.get(at), visibility)] as const)
      .filter(([, line]) => line !== 'same');
    assert.deepEqual(new Map(findings.map((finding) => [finding.path, verdict(finding)])), new Map(expected));
    assert.equal(findings.length, expected.length);
  }
});

/** The rules once more, in the words of compare.ts's header and by no other means. */
function naive(before: Entry | undefined, after: Entry | undefined, visibility: Visibility): Verdict {
  if (before && !after) {
    if (visibility.leftScope(before.path)) return 'unknown left-scope';
    const hidden = visibility.hidden(before);
    return hidden ? `unknown ${hidden}` : 'removed';
  }
  if (after && !before) {
    if (visibility.enteredScope(after.path)) return 'unknown entered-scope';
    return after.unread ? `added + unknown ${after.unread}` : 'added';
  }
  if (!before || !after) return 'same';
  if (after.unread === 'stale') return 'unknown stale';
  const names = ['type', 'mode', 'uid', 'gid', 'size', 'sha256', 'target', 'device'] as const;
  const differing: Attribute[] = names.filter(
    (name) => name in before && name in after && before[name] !== after[name],
  );
  if (after.unread === 'detached') differing.push('detached');
  const isUnmeasured =
    before.type === after.type &&
    names.some((name) => (name in before ? !(name in after) : name in after && before.unread !== undefined));
  const unknown = after.unread ?? (isUnmeasured ? 'unmeasured' : undefined);
  const parts = [
    differing.length > 0 ? [`changed ${differing.join()}`] : [],
    unknown ? [`unknown ${unknown}`] : [],
  ].flat();
  return parts.join(' + ') || 'same';
}

type Random = ReturnType<typeof seededRandom>;

function randomEntries(random: Random, size: number): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let i = 0; i < size; i++) {
    const at = `/etc/${random.below(size * 2)}`;
    entries.set(at, randomEntry(random, at));
  }
  return entries;
}

function randomEntry(random: Random, at: string): Entry {
  const all = {
    path: at,
    type: random.pick(['file', 'symlink', 'directory'] as const),
    mode: random.pick([undefined, 0, 0o644]),
    uid: random.pick([0, 1]),
    sha256: random.pick([undefined, 'a', 'b']),
    target: random.pick([undefined, 'x', '']),
    unread: random.oneIn(4) ? random.pick(unreadReasons) : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Entry;
}

function mutated(random: Random, entries: ReadonlyMap<string, Entry>): Map<string, Entry> {
  const result = new Map(entries);
  for (const at of entries.keys()) {
    const fate = random.below(30);
    if (fate === 0) result.delete(at);
    else if (fate === 1) result.set(at, randomEntry(random, at));
    else if (fate === 2) result.set(`${at}9`, randomEntry(random, `${at}9`));
  }
  return result;
}

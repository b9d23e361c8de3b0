import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AideReportEnd } from '#core/aide/report-scan';
import { AideReportScan } from '#core/aide/report-scan';
import { AideStderrScan } from '#core/aide/stderr-scan';
import { type AideOutcome, judgeRun } from '#core/aide/verdict';

const fixtures = new URL('../../../fixtures/aide/', import.meta.url);

function fixture(name: string): string {
  return readFileSync(new URL(name, fixtures), 'latin1');
}

function scanned(text: string): AideReportEnd {
  const scan = new AideReportScan();
  scan.take(text);
  return scan.end();
}

const read = {
  problem: null,
  version: '0.18.3',
  counts: { total: 100, added: 0, removed: 0, changed: 0 },
  blindPaths: 0,
} satisfies AideReportEnd;

function outcome(over: Partial<AideOutcome> = {}): AideOutcome {
  return {
    action: 'update',
    exit: 0,
    killedFor: null,
    report: read,
    firstWarning: null,
    unexpectedWarnings: 0,
    database: { problem: null, entries: 100, unhashed: 0 },
    ownEntries: 100,
    ...over,
  };
}

function counts(added: number, removed: number, changed: number): Partial<AideOutcome> {
  return { report: { ...read, counts: { total: 100, added, removed, changed } } };
}

test('what there is together makes the verdict', () => {
  const table: readonly (readonly [string, Partial<AideOutcome>, string, RegExp?])[] = [
    ['nothing differs', {}, 'same'],
    ['a first database', { action: 'init' }, 'same'],
    ['something was added', { exit: 1, ...counts(1, 0, 0) }, 'drift'],
    ['everything at once', { exit: 7, ...counts(1, 2, 3) }, 'drift'],
    ['killed by us', { exit: null, killedFor: 'it took longer than 1 s' }, 'failed', /longer than 1 s/],
    ['killed by another', { exit: null }, 'failed', /was killed/],
    ['ended by us, though it ended well', { killedFor: 'it wrote more than 512 MiB' }, 'failed'],
    ['an exit that says nothing', { exit: 9 }, 'unknown', /9/],
    ['a first database with differences', { action: 'init', exit: 1, ...counts(1, 0, 0) }, 'unknown'],
    ['no report', { report: { problem: 'AIDE’s report is cut off' } }, 'unknown', /cut off/],
    ['a report that fits not the exit', { exit: 0, ...counts(1, 0, 0) }, 'unknown', /counts 1 added/],
    ['an exit that fits not the report', { exit: 4, ...counts(1, 0, 0) }, 'unknown'],
    ['a path it could not compare', { report: { ...read, blindPaths: 1 } }, 'unknown', /1 paths/],
    ['a warning', { unexpectedWarnings: 1, firstWarning: 'who knows' }, 'unknown', /who knows/],
    [
      'a file without its hash',
      { database: { problem: null, entries: 100, unhashed: 2 } },
      'unknown',
      /2 files/,
    ],
    [
      'a database that is cut off',
      { database: { problem: 'it is cut off', entries: 9, unhashed: 0 } },
      'unknown',
    ],
    ['an empty root', { database: { problem: null, entries: 0, unhashed: 0 } }, 'unknown', /nothing at all/],
    [
      'another count than the rows',
      { database: { problem: null, entries: 99, unhashed: 0 } },
      'unknown',
      /99/,
    ],
    ['far fewer than we see', { ownEntries: 200 }, 'unknown', /own scan 200/],
    ['a few fewer than we see', { ownEntries: 116 }, 'same'],
  ];
  for (const [what, over, verdict, reason = /^/] of table) {
    const judged = judgeRun(outcome(over));
    assert.equal(judged.verdict, verdict, what);
    assert.equal(judged.reason === null, verdict === 'same' || verdict === 'drift', what);
    assert.match(judged.reason ?? '', reason, what);
  }
  for (const exit of [14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]) {
    assert.equal(judgeRun(outcome({ exit })).verdict, 'unknown', String(exit));
  }
});

/** What was captured of both versions, by what had been done before. */
const captured: readonly (readonly [what: string, action: AideOutcome['action'], verdict: string])[] = [
  ['init', 'init', 'same'],
  ['check-clean', 'update', 'same'],
  ['check-add-rem-chg', 'update', 'drift'],
  ['check-hostile-names', 'update', 'drift'],
  ['check-unreadable', 'update', 'unknown'],
  ['check-empty-db', 'update', 'unknown'],
  ['check-garbage-db', 'update', 'unknown'],
  ['check-truncated-db', 'update', 'unknown'],
  ['check-missing-db', 'update', 'unknown'],
  ['bad-config', 'update', 'unknown'],
];

function exitOf(version: string, what: string): number {
  const line = fixture('EXITCODES.txt')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${version} ${what} `));
  return Number(line?.split('exit=')[1]);
}

for (const version of ['0.18.3-deb12u5', '0.19.3']) {
  for (const [what, action, verdict] of captured) {
    test(`${version}: ${what} is ${verdict}`, () => {
      const stderr = new AideStderrScan('/srv/aide/host');
      stderr.take(fixture(`${version}.${what}.stderr`));
      stderr.end();
      const report = scanned(fixture(`${version}.${what}.json`));
      const entries = report.problem === null ? report.counts.total : 0;
      const judged = judgeRun({
        action,
        exit: exitOf(version, what),
        killedFor: null,
        report,
        firstWarning: stderr.warnings[0]?.message ?? null,
        unexpectedWarnings: stderr.total,
        database: { problem: null, entries, unhashed: 0 },
        ownEntries: entries,
      });
      assert.equal(judged.verdict, verdict, judged.reason ?? '');
    });
  }
}

test('no captured report was left out', () => {
  const names = readdirSync(fixtures).filter((name) => name.endsWith('.json'));
  const known = captured.map(([what]) => what);
  assert.deepEqual(
    names.filter((name) => !known.some((what) => name.endsWith(`.${what}.json`))),
    [],
  );
});

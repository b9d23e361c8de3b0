/** The corners in which AIDE says "okay" of what is not: each is closed, asked of the real program. */
import assert from 'node:assert/strict';
import { chmodSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { needRoot, needTool } from '../../../../test/need.ts';
import { type AideSite, aideSite } from './test-aide-site.ts';

const needsAide = needTool('aide', 'apt-get install -y aide');
const needsAideAsRoot = needsAide || needRoot();

/** AIDE may not read what is not its own: as after an agent has lost CAP_DAC_READ_SEARCH. */
const withoutCapabilities =
  'AIDE="setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search $AIDE"\nexec $AIDE "$@"';

async function withBaseline(site: AideSite): Promise<void> {
  const first = await site.look();
  assert.equal(first.status, 'same', first.reason ?? '');
  assert.equal(first.run?.baseline, null);
  site.accept();
}

test('nothing differs, then something does, and a second run says the same of it', {
  skip: needsAide,
}, async (t) => {
  const site = await aideSite(t);
  await withBaseline(site);
  const same = await site.look();
  assert.deepEqual([same.status, same.run?.exit, same.run?.database], ['same', 0, same.run?.baseline]);
  assert.equal(site.requests.filter((request) => request.startsWith('PUT')).length, 1);
  writeFileSync(site.at('/etc/new'), 'x');
  chmodSync(site.at('/etc/a'), 0o600);
  for (let i = 0; i < 2; i++) {
    const { status, run } = await site.look();
    assert.equal(status, 'drift');
    assert.deepEqual([run?.exit, run?.added, run?.removed, run?.changed, run?.entries], [5, 1, 0, 1, 7]);
    assert.ok(run?.database && site.databases.has(run.database));
    assert.equal(site.engine.scan?.changed, 2);
    assert.equal(run?.config, undefined);
  }
});

test('1: a file that cannot be read any more is unknown', { skip: needsAideAsRoot }, async (t) => {
  const site = await aideSite(t);
  chmodSync(site.at('/etc/b'), 0);
  await withBaseline(site);
  const { atime, mtime } = statSync(site.at('/etc/b'));
  writeFileSync(site.at('/etc/b'), 'B');
  utimesSync(site.at('/etc/b'), atime, mtime);
  site.become(withoutCapabilities);
  const { status, reason, run } = await site.look();
  assert.deepEqual([run?.exit, status], [0, 'unknown']);
  assert.match(reason ?? '', /warned 1 times/);
  assert.equal(run?.warnings[0]?.path, '/etc/b');
  assert.equal(run?.database, null);
});

test('2: a weaker configuration is unknown, and told with its text and what it sees', {
  skip: needsAide,
}, async (t) => {
  const site = await aideSite(t);
  await withBaseline(site);
  const weaker = await aideSite(t, { scope: { paths: [{ path: '/etc', attributes: ['type', 'mode'] }] } });
  weaker.accept(site);
  const { status, reason, run } = await weaker.look();
  assert.deepEqual([status, run?.exit, run?.verdict], ['unknown', 0, 'same']);
  assert.match(reason ?? '', /configuration is not that of its baseline/);
  assert.match(run?.config ?? '', /^\/etc\(.* f ftype\+p\+acl/m);
  assert.equal(run?.baseline, (await site.look()).run?.baseline);
  assert.ok(run?.database && weaker.databases.has(run.database));
  weaker.accept();
  assert.equal((await weaker.look()).status, 'same');
});

test('another version is not given what it may not read, and makes a database to compare', {
  skip: needsAide,
}, async (t) => {
  const site = await aideSite(t);
  await withBaseline(site);
  site.become('case "$*" in *--version*) $AIDE --version | sed "s/0[.]18[.][0-9]*/0.19.3/"; exit 0;; esac');
  writeFileSync(site.at('/etc/a'), 'other');
  const { status, reason, run, version } = await site.look();
  assert.deepEqual([version, status, run?.exit, run?.changed], ['0.19.3', 'unknown', 0, 0]);
  assert.match(reason ?? '', /was made by version 0\.18, and this is 0\.19/);
  assert.notEqual(run?.database, run?.baseline);
});

test('3: a baseline that is empty, garbage, cut off or gone is tampered, and AIDE makes no new one', {
  skip: needsAide,
}, async (t) => {
  const site = await aideSite(t);
  await withBaseline(site);
  const [[digest, text]] = [...site.databases] as [[string, Buffer]];
  const altered = {
    empty: Buffer.alloc(0),
    garbage: Buffer.from('garbage\n'),
    'cut off': text.subarray(0, -20),
    'one byte': Buffer.from(text.toString('latin1').replace('/etc/a', '/etc/z'), 'latin1'),
  };
  for (const [what, content] of Object.entries(altered)) {
    site.databases.set(digest, content);
    const { status, reason } = await site.look();
    assert.equal(status, 'tampered', what);
    assert.match(reason ?? '', /has the digest/);
  }
  site.databases.delete(digest);
  const { status, reason } = await site.look();
  assert.deepEqual([status, /has lost/.test(reason ?? '')], ['tampered', true]);
  assert.equal(site.requests.filter((request) => request.startsWith('PUT')).length, 1);
  site.databases.set(digest, text);
  assert.equal((await site.look()).status, 'same');
});

test('4: an AIDE that does not see names that are not UTF-8 is degraded, and says of what', {
  skip: needsAide,
}, async (t) => {
  const blind =
    'case "$*" in *it*|*update*) { cat; printf \'!/t/[^/]*[\\\\\\\\xc3\\\\\\\\xff]\\n\'; } | $AIDE "$@"; exit $?;; esac';
  const site = await aideSite(t, { script: blind });
  while (site.engine.report.degraded.length === 0) {
    await new Promise<void>((resolve) => void site.engine.onState(resolve));
  }
  assert.deepEqual([site.engine.report.status, site.requests], ['degraded', []]); // before the first run
  const { status, degraded } = await site.look();
  assert.deepEqual(degraded, ['names that are not UTF-8']);
  assert.equal(status, 'degraded');
});

test('the self-test finds an AIDE that says nothing of a file that it cannot read any more', {
  skip: needsAideAsRoot,
}, async (t) => {
  const mute = `sed '/"different_attributes"/,/}/d' "$0.report" >&4`;
  const site = await aideSite(t, {
    script: `case "$*" in *update*) $AIDE "$@" 2>/dev/null 4>"$0.report"; r=$?; ${mute}; exit $r;; esac`,
  });
  const { status, degraded } = await site.look();
  assert.deepEqual([status, degraded], ['degraded', ['a file that it cannot read']]);
});

test('5: a directory with a newline in its name, and what is in it, is not hidden by an exclude', {
  skip: needsAide,
}, async (t) => {
  const site = await aideSite(t, { scope: { paths: [{ path: '/etc' }], exclude: ['/etc/dir'] } });
  renameSync(site.at('/etc/dir'), site.at('/etc/dir\n'));
  await withBaseline(site);
  writeFileSync(site.at('/etc/dir\n/d'), 'other');
  assert.equal((await site.look()).run?.changed, 1);
});

test('6: names that AIDE writes wrong in its report do not hide a change', { skip: needsAide }, async (t) => {
  const site = await aideSite(t);
  await withBaseline(site);
  for (const name of ['us\x1fx', 'q"x', 'esc\x1b[31m', 'del\x7f', 'nl\nx', 'bs\\']) {
    writeFileSync(site.at(`/etc/${name}`), 'x');
  }
  const { status, run } = await site.look();
  assert.deepEqual([status, run?.added], ['drift', 6]);
});

test('7: a first database that lacks the hash of a file is none', { skip: needsAideAsRoot }, async (t) => {
  const site = await aideSite(t, { script: withoutCapabilities });
  chmodSync(site.at('/etc/b'), 0);
  const { status, run } = await site.look();
  assert.deepEqual([run?.exit, status, run?.database], [0, 'unknown', null]);
  assert.equal(site.requests.length, 0);
});

test('8: a run carries its own time, in UTC and milliseconds', { skip: needsAide }, async (t) => {
  const site = await aideSite(t);
  const before = Date.now();
  const { run } = await site.look();
  const at = Date.parse(run?.startedAt ?? '');
  assert.ok(at >= before && at <= Date.now());
  assert.match(run?.startedAt ?? '', /\.\d{3}Z$/);
});

test('a host root that is empty is unknown', { skip: needsAide }, async (t) => {
  const site = await aideSite(t);
  await withBaseline(site);
  site.become(
    'case "$*" in *update*) mkdir -p "$0.empty"; sed "s#^root_prefix=.*#root_prefix=$0.empty#" | $AIDE "$@"; exit $?;; esac',
  );
  const { status, reason } = await site.look();
  assert.equal(status, 'unknown');
  assert.match(reason ?? '', /found nothing at all/);
});

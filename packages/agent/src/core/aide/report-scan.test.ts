import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AideReportScan } from '#core/aide/report-scan';

const report = (more = '') =>
  `{"aide_version":"0.18.3","number_of_entries":{"total":3,"added":1,"removed":0,"changed":2}${more}}\n`;

function scan(...pieces: string[]) {
  const reading = new AideReportScan();
  for (const piece of pieces) reading.take(piece);
  return reading.end();
}

test('counts come out the same however the report is cut into pieces', () => {
  const text = report(
    ',"added":{"/etc/a\\"}{":"f+++"},"details":{"/x":{"acl":{"new":["A: u","b"]},"n":{"old":-1.5e3}}}',
  );
  const whole = scan(text);
  assert.equal(whole.problem, null);
  assert.deepEqual(whole.problem === null && whole.counts, { total: 3, added: 1, removed: 0, changed: 2 });
  for (const size of [1, 2, 7]) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      text.slice(i * size, (i + 1) * size),
    );
    assert.deepEqual(scan(...pieces), whole);
  }
});

test('what is no whole JSON is a problem, and never no difference', () => {
  const broken = {
    nothing: '',
    'cut off': report().slice(0, -3),
    'an open name': report(',"added":{"/etc/a"b":"f+++"}'),
    'a second report': report() + report(),
    'the counts twice': report(',"number_of_entries":{"total":3}'),
    'a count twice': report().replace('"added":1', '"added":1,"added":0'),
    'a count that is none': report().replace('"added":1', '"added":-1'),
    'no version': report().replace('aide_version', 'version'),
    'no counts': '{"aide_version":"0.18.3"}',
    'a comma too much': report(',"added":{"/a":"f",}'),
    'the wrong bracket': report(',"added":["/a"}'),
    'a word': report(',"added":yes'),
    'a list': '[]',
    'too deep': report(`,"added":${'['.repeat(9)}${']'.repeat(9)}`),
  };
  for (const [what, text] of Object.entries(broken)) assert.notEqual(scan(text).problem, null, what);
});

test('control characters that AIDE leaves as they are do not hide a change', () => {
  assert.equal(
    scan(report(',"changed":{"/etc/us\x1fx":"f = ..", "/etc/t\tb":"f", "/etc/\xff":"f"}')).problem,
    null,
  );
});

test('a path that could be measured less is told from one that became something else', () => {
  const blind = (differences: string) => {
    const end = scan(report(`,"different_attributes":{"/etc/x":"${differences}"}`));
    return end.problem === null ? end.blindPaths : end.problem;
  };
  assert.equal(blind('-sha256'), 1);
  assert.equal(blind('-sha256-e2fsattrs'), 1);
  assert.equal(blind('-acl-selinux'), 1);
  assert.equal(blind('+sha256-acl'), 1);
  assert.equal(blind('+sha256'), 0);
  assert.equal(blind('+caps'), 0);
  assert.equal(blind('-selinux'), 0);
  assert.equal(blind('+l-s-n-acl-sha256-e2fsattrs'), 0);
  assert.equal(blind('+s+n+sha256+e2fsattrs'), 0);
});

test('a report of 50,000 lines takes no memory to speak of', () => {
  const reading = new AideReportScan();
  reading.take('{"aide_version":"0.18.3","number_of_entries":{"total":50000,"added":50000},"added":{');
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 50_000; i++) {
    reading.take(
      `${i > 0 ? ',' : ''}\n    "/usr/share/${'directory/'.repeat(20)}file-${i}": "f+++++++++++++++++"`,
    );
  }
  reading.take('}}');
  const end = reading.end();
  assert.equal(end.problem === null && end.counts.added, 50_000);
  assert.ok(process.memoryUsage().heapUsed - before < 20 * 2 ** 20);
});

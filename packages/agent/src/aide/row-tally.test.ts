/** What AIDE and our own engine see differently is told apart by when it changed, with the real AIDE. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { needTool } from '../../../../test/need.ts';
import { aideSite } from './test-aide-site.ts';

const skip = needTool('aide', 'apt-get install -y aide');

test('a file that is changed and put back while AIDE runs is told as moved, and nothing else is', {
  skip,
}, async (t) => {
  const site = await aideSite(t);
  await site.look();
  site.accept();
  const flip = (content: string) => `printf ${content} > ${site.at('/etc/a')}`;
  site.become(`case "$*" in *update*) ${flip('z')}; $AIDE "$@"; r=$?; ${flip('a')}; exit $r;; esac`);
  const { run } = await site.look();
  assert.deepEqual([run?.changed, run?.moved], [1, ['/etc/a']]);
});

test('a change that our engine had not seen before AIDE did is told with the run', { skip }, async (t) => {
  const site = await aideSite(t);
  await site.look();
  site.accept();
  site.become(`case "$*" in *update*) chmod 600 ${site.at('/etc/b')};; esac`);
  const { run } = await site.look();
  assert.equal(run?.changed, 1);
  assert.equal(site.manifest.get('/etc/b')?.mode, 0o600);
});

test('a file that AIDE sees otherwise though nothing changed it is not told as moved', {
  skip,
}, async (t) => {
  const site = await aideSite(t);
  writeFileSync(site.at('/etc/a'), 'other');
  await site.look();
  site.accept();
  const lie = `mkdir -p "$0.d/etc/dir"; for f in b c dir/d; do printf $f > "$0.d/etc/$f"; done; printf a > "$0.d/etc/a"`;
  site.become(
    `case "$*" in *update*) ${lie}; sed "s#^root_prefix=.*#root_prefix=$0.d#" | $AIDE "$@"; exit $?;; esac`,
  );
  const { run } = await site.look();
  assert.equal((run?.changed ?? 0) > 0, true);
  assert.equal(run?.moved, undefined);
});

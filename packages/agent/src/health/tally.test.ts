import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Observation } from '#core/observation';
import type { ScanResult } from '@holdfast/shared/wire';
import { Tally } from './tally.ts';

const scan = (net: ScanResult['net'], startedAt: string, bytes: number): ScanResult => ({
  net,
  startedAt,
  durationMs: 1,
  entries: 1,
  hashed: 1,
  bytes,
  unread: 0,
  changed: 0,
});

test('each scan is counted once, however often the state is told', () => {
  let scans: ScanResult[] = [];
  let tellState = (): void => {};
  const observation: Pick<Observation, 'onChange' | 'onState' | 'scans'> = {
    get scans() {
      return scans;
    },
    onChange: () => () => {},
    onState(listener) {
      tellState = listener;
      return () => {};
    },
  };
  const tally = new Tally(observation);
  tellState();
  assert.equal(tally.sweptAt, null);
  scans = [scan('full', 'a', 100)];
  tellState();
  tellState();
  assert.equal(tally.hashedBytes, 100);
  const sinceFirstScan = tally.sweptAt;
  assert.notEqual(sinceFirstScan, null);
  scans = [scan('full', 'b', 30), scan('metadata', 'a', 5)];
  tellState();
  assert.equal(tally.hashedBytes, 135);
  assert.ok(tally.sweptAt! > sinceFirstScan!);
});

test('changes are counted by net, and reports by how they ended', () => {
  let tell: Parameters<Observation['onChange']>[0] = () => {};
  const tally = new Tally({
    scans: [],
    onState: () => () => {},
    onChange(listener) {
      tell = listener;
      return () => {};
    },
  });
  const change = { at: '', path: '/a', before: null, after: null };
  tell([
    { ...change, net: 'watch' },
    { ...change, net: 'watch' },
    { ...change, net: 'full' },
  ]);
  tally.countReport('refused');
  assert.deepEqual(
    [...tally.changes],
    [
      ['watch', 2],
      ['metadata', 0],
      ['full', 1],
      ['aide', 0],
    ],
  );
  assert.equal(tally.reports.get('refused'), 1);
  assert.equal(tally.reports.get('acknowledged'), 0);
});

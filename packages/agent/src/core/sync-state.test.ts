import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyBucketDigest, Manifest } from '@holdfast/shared/manifest';
import type { ReportAnswer } from '@holdfast/shared/wire';
import type { ReportOutcome } from '#core/collector-outcome';
import { afterOutcome, nothingKnown, planReport, resynchronised, type SyncState } from '#core/sync-state';

const scope = '0'.repeat(64);
const other = 'f'.repeat(64);
const manifest = new Manifest(scope, [
  { path: '/etc/a', type: 'file' },
  { path: '/etc/b', type: 'file' },
]);
const digest = manifest.digest();
const filled = manifest.bucketDigests().flatMap((bucket, i) => (bucket === emptyBucketDigest ? [] : [i]));

function acknowledged(observed: string | null, epoch = 'e1'): ReportOutcome {
  const answer: ReportAnswer = { observed, epoch, eventsStored: 0, commands: [] };
  return { kind: 'acknowledged', answer };
}

function mismatch(bucketDigests: string[]): ReportOutcome {
  const problem = { type: '', title: '', status: 409, code: 'base-mismatch' as const, detail: '' };
  return { kind: 'base-mismatch', mismatch: { ...problem, observed: other, epoch: 'e1', bucketDigests } };
}

const sent = { result: digest, events: 0 };
const ours = afterOutcome(nothingKnown, sent, acknowledged(digest));

test('what the next report is follows from what is known of the copy', () => {
  const knows = (copy: SyncState['copy']): SyncState => ({ ...nothingKnown, copy });
  assert.deepEqual(planReport(ours, null), { kind: 'starting' });
  assert.deepEqual(planReport(nothingKnown, manifest), { kind: 'probe', base: null });
  assert.deepEqual(planReport(ours, manifest), { kind: 'delta', base: digest });
  assert.deepEqual(planReport(knows({ digest: null, isOurs: false }), manifest), {
    kind: 'buckets',
    base: null,
    indexes: filled,
  });
  assert.deepEqual(planReport(knows({ digest: other, isOurs: false }), manifest), {
    kind: 'probe',
    base: other,
  });
});

test('after a 409 the buckets that differ go out, after a second one all of them', () => {
  const bucketDigests = manifest.bucketDigests();
  const changed = filled[0]!;
  bucketDigests[changed] = other;
  const once = afterOutcome(ours, sent, mismatch(bucketDigests));
  assert.deepEqual(planReport(once, manifest), { kind: 'buckets', base: other, indexes: [changed] });
  const twice = afterOutcome(once, sent, mismatch(bucketDigests));
  const plan = planReport(twice, manifest);
  assert.equal(plan.kind === 'buckets' && plan.indexes.length, 256);
  const healed = afterOutcome(twice, sent, acknowledged(digest));
  assert.deepEqual(planReport(healed, manifest), { kind: 'delta', base: digest });
  assert.equal(healed.mismatches, 0);
});

test('a copy is ours only if it equals what was sent, in the same store', () => {
  assert.equal(afterOutcome(ours, sent, acknowledged(other)).copy?.isOurs, false);
  assert.equal(afterOutcome(ours, { ...sent, result: null }, acknowledged(null)).copy?.isOurs, false);
  const restored = afterOutcome(ours, sent, acknowledged(digest, 'e2'));
  assert.deepEqual(planReport(restored, manifest), { kind: 'probe', base: digest });
  assert.equal(afterOutcome(restored, sent, acknowledged(digest, 'e2')).copy?.isOurs, true);
  assert.deepEqual(planReport(resynchronised(ours), manifest), { kind: 'probe', base: digest });
});

test('a failure changes nothing that is known', () => {
  const failures: ReportOutcome[] = [
    { kind: 'unavailable', reason: '', retryAfterMs: null },
    { kind: 'refused', status: 401, code: 'unauthenticated', detail: '' },
    { kind: 'refused', status: 413, code: 'body-too-large', detail: '' },
  ];
  for (const failure of failures) assert.deepEqual(afterOutcome(ours, sent, failure), ours);
});

test('a report that was too large for something is followed by one with half the events', () => {
  const tooLarge: ReportOutcome = { kind: 'refused', status: 413, code: 'http-413', detail: '' };
  assert.equal(afterOutcome(ours, { ...sent, events: 101 }, tooLarge).maxEvents, 50);
  assert.equal(afterOutcome(ours, { ...sent, events: 1 }, tooLarge).maxEvents, ours.maxEvents);
});

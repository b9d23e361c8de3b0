/** Lines of a node's history that come of AIDE: its baseline, runs that are doubted, and what only AIDE saw. */
import type { AideFinding } from '@holdfast/shared/aide-compare';
import { type AideOnlyAttribute, aideOnlyAttributes, type AideRow } from '@holdfast/shared/aide-row';
import { compareEntries } from '@holdfast/shared/compare';
import type { NativeEntries } from '#core/aide-judge';
import type { AideState } from '#core/aide-state';
import { nodeEvent } from '#core/event-record';
import type { EventRecord, Millis } from '#core/node-state';

/** Of one report; what is beyond is counted in one line more. */
export const maxFindingEvents = 1000;
/** Of a value, and of all of a line's values together. */
const maxValueCharacters = 200;
const maxDetailCharacters = 1000;

export function aideEvents(
  before: AideState | null,
  after: AideState | null,
  now: Millis,
): readonly EventRecord[] {
  if (!after || after === before) return [];
  const events: EventRecord[] = [];
  if (after.baseline && after.baseline.digest !== before?.baseline?.digest) {
    const { digest, entries } = after.baseline;
    events.push(nodeEvent('aide-baseline-moved', now, `${digest} with ${entries} rows`));
  }
  if (after.objection !== null && after.run?.id !== before?.run?.id) {
    events.push(nodeEvent('aide-run-doubtful', now, after.objection));
  }
  return events;
}

/** Findings that are new, other than before, or over, of what our own engine has not told of already. */
export function findingEvents(
  before: readonly AideFinding[],
  after: readonly AideFinding[],
  native: NativeEntries,
  now: Millis,
): readonly EventRecord[] {
  const was = new Map(before.map((finding) => [finding.path, finding]));
  const events: EventRecord[] = [];
  let count = 0;
  const add = (kind: 'aide-found' | 'aide-over', finding: AideFinding): void => {
    count += 1;
    if (events.length < maxFindingEvents) events.push(findingEvent(kind, finding, now));
  };
  for (const finding of after) {
    const stood = was.get(finding.path);
    was.delete(finding.path);
    const isNews = !stood || JSON.stringify(stood.after) !== JSON.stringify(finding.after);
    if (isNews && !isToldByNative(finding, native)) add('aide-found', finding);
  }
  for (const finding of was.values()) if (onlyByAide(finding).length > 0) add('aide-over', finding);
  const left = count - events.length;
  if (left > 0) events.push(nodeEvent('aide-found', now, `${left} more paths, listed by the node's drift`));
  return events;
}

function isToldByNative(finding: AideFinding, native: NativeEntries): boolean {
  if (onlyByAide(finding).length > 0) return false;
  const { path } = finding;
  return compareEntries(native.accepted(path), native.observed(path))?.drift !== undefined;
}

function onlyByAide({ attributes }: AideFinding): AideOnlyAttribute[] {
  return aideOnlyAttributes.filter((name) => attributes.includes(name));
}

function findingEvent(kind: 'aide-found' | 'aide-over', finding: AideFinding, now: Millis): EventRecord {
  const { path, change, attributes } = finding;
  return { ...nodeEvent(kind, now, detailOf(finding)), path, change, attributes, net: 'aide' };
}

/** What only AIDE sees, before and after; entries have no place for it. */
function detailOf(finding: AideFinding): string {
  const { change, before, after } = finding;
  const names = change === 'changed' ? onlyByAide(finding) : aideOnlyAttributes;
  const value = (row: AideRow | null, name: AideOnlyAttribute): string =>
    JSON.stringify(row?.[name] ?? null).slice(0, maxValueCharacters);
  const parts = names
    .filter((name) => (before?.[name] ?? '') !== (after?.[name] ?? ''))
    .map((name) => `${name}: ${value(before, name)} → ${value(after, name)}`);
  return parts.join('; ').slice(0, maxDetailCharacters);
}

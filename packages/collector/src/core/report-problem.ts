/** What a report can get wrong beyond its schema: it contradicts itself, or a text is not in canonical form. */
import { type Entry, hasCanonicalText } from '@holdfast/shared/entry';
import { bucketOf } from '@holdfast/shared/manifest';
import { isPathText } from '@holdfast/shared/path-text';
import { checkScope, compileScope, ScopeError } from '@holdfast/shared/scope';
import type { ObservedEvent, Report } from '@holdfast/shared/wire';

/** One sentence on the first contradiction, or null. */
export function reportProblem(report: Report): string | null {
  return (
    scopeProblem(report) ??
    contentProblem(report) ??
    bucketsProblem(report) ??
    deltaProblem(report) ??
    blindSpotProblem(report) ??
    eventsProblem(report)
  );
}

function scopeProblem({ scope: { digest, document } }: Report): string | null {
  if (!document) return null;
  try {
    const stated = compileScope(checkScope(document)).digest;
    return stated === digest ? null : `the scope document has the digest ${stated}, not ${digest}`;
  } catch (error) {
    if (error instanceof ScopeError) return error.message;
    throw error;
  }
}

function contentProblem({ result, buckets, upserts, removed }: Report): string | null {
  const isEmpty = buckets.length + upserts.length + removed.length === 0;
  return result !== null || isEmpty ? null : 'a report without a result carries entries';
}

function bucketsProblem({ buckets }: Report): string | null {
  const indexes = new Set<number>();
  for (const { index, entries } of buckets) {
    if (indexes.has(index)) return `bucket ${index} is listed twice`;
    indexes.add(index);
    const problem = entriesProblem(entries);
    if (problem) return problem;
    const astray = entries.find(({ path }) => bucketOf(path) !== index);
    if (astray) return `${astray.path} does not belong into bucket ${index}`;
  }
  return null;
}

function deltaProblem({ upserts, removed }: Report): string | null {
  const problem = entriesProblem(upserts);
  if (problem) return problem;
  const upserted = new Set(upserts.map(({ path }) => path));
  const gone = new Set<string>();
  for (const path of removed) {
    if (!isPathText(path)) return `${JSON.stringify(path)} is not the text form of a path`;
    if (upserted.has(path)) return `${path} is both upserted and removed`;
    if (gone.has(path)) return `${path} is removed twice`;
    gone.add(path);
  }
  return null;
}

function entriesProblem(entries: readonly Entry[]): string | null {
  const paths = new Set<string>();
  for (const entry of entries) {
    if (!hasCanonicalText(entry)) return `${JSON.stringify(entry.path)} is not in canonical text form`;
    if (paths.has(entry.path)) return `${entry.path} is listed twice`;
    paths.add(entry.path);
  }
  return null;
}

function blindSpotProblem({ blindSpots }: Report): string | null {
  const astray = blindSpots.find(({ path }) => !isPathText(path));
  return astray ? `${JSON.stringify(astray.path)} is not the text form of a path` : null;
}

function eventsProblem({ events }: Report): string | null {
  let last = 0;
  for (const event of events) {
    if (event.position <= last) return `event ${event.position} comes after event ${last}`;
    last = event.position;
    const problem = eventProblem(event);
    if (problem) return `event ${event.position}: ${problem}`;
  }
  return null;
}

function eventProblem({ path, before, after }: ObservedEvent): string | null {
  if (!isPathText(path)) return `${JSON.stringify(path)} is not the text form of a path`;
  if (!before && !after) return 'has neither before nor after';
  for (const entry of [before, after]) {
    if (entry && (entry.path !== path || !hasCanonicalText(entry)))
      return `is about another path than ${path}`;
  }
  return null;
}

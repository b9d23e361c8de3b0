/** AIDE's side of a node and of a drift, as the API shows it. */
import { type AideRow, aideOnlyAttributes } from '@holdfast/shared/aide-row';
import type { Entry } from '@holdfast/shared/entry';
import type { AideState } from '#core/aide-state';
import { aideStatusOf } from '#core/aide-status';
import { seenByNative } from '#core/judge';
import type { DriftContent } from '#core/node-state';
import { timestamp } from './route.ts';

export function aideAnswer(aide: AideState | null) {
  if (!aide) return null;
  const { told, run, baseline, offered, findings, pending, disagreements } = aide;
  return {
    ...aideStatusOf(aide),
    version: told.version,
    degraded: told.degraded,
    baseline,
    offered,
    run: run && { ...run, judgedAt: timestamp(run.judgedAt) },
    findings,
    pending,
    disagreements,
  };
}

/** A drift's attributes and sides as both engines see them, and which do. */
export function enginesAnswer(drift: DriftContent) {
  const { aide, before, after, attributes } = drift;
  const isNative = seenByNative(drift);
  if (!aide) return { engines: ['native'], attributes, before, after };
  return {
    engines: isNative ? ['native', 'aide'] : ['aide'],
    attributes: [...new Set<string>([...attributes, ...aide.attributes])],
    before: isNative ? sideOf(before, aide.before) : aide.before,
    after: isNative ? sideOf(after, aide.after) : aide.after,
  };
}

/** The entry, and what only AIDE sees of the path. */
function sideOf(entry: Entry | null, row: AideRow | null) {
  if (!entry || !row) return entry;
  const only = aideOnlyAttributes.filter((name) => row[name] !== undefined).map((name) => [name, row[name]]);
  return { ...entry, ...(Object.fromEntries(only) as Partial<AideRow>) };
}

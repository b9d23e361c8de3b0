/**
 * A baseline that follows a change of scope which the configuration expects, with nobody's eyes on it. So it takes over
 * as little as it can: what left the scope goes, what entered it comes in as observed, and of a path that was in scope
 * before only the attributes that entered do. Everything else stays as it was accepted.
 */
import type { Attribute, Entry } from '@holdfast/shared/entry';
import type { MatchedRule, ScopeAttribute, ScopeMatcher } from '@holdfast/shared/scope';
import { type BucketSource, ManifestEdit, type ManifestSide } from '#core/manifest-edit';
import type { ManifestRecord } from '#core/node-state';
import { allBuckets } from '#core/judge';

/** The edit that leads from `baseline` to a baseline of the observed scope. */
export function followScope(
  baseline: ManifestRecord,
  observed: ManifestSide,
  scopes: { readonly baseline: ScopeMatcher; readonly observed: ScopeMatcher },
  source: BucketSource,
): ManifestEdit {
  const edit = new ManifestEdit(baseline, source);
  for (const index of allBuckets) {
    const before = source.bucket(baseline.bucketDigests[index]!);
    const after = observed.entries(index);
    for (const entry of before.values()) {
      const rule = scopes.observed.match(entry.path);
      const oldRule = scopes.baseline.match(entry.path);
      if (!rule) edit.delete(entry.path);
      else if (!haveSameAttributes(rule, oldRule)) {
        edit.set(followRule(entry, after.get(entry.path) ?? null, rule));
      }
    }
    for (const entry of after.values()) {
      if (!before.has(entry.path) && !scopes.baseline.match(entry.path)) edit.set(entry);
    }
  }
  return edit;
}

/** The attributes of an entry, and the scope's name that takes each in. */
const measured = {
  mode: 'mode',
  uid: 'uid',
  gid: 'gid',
  size: 'sha256',
  sha256: 'sha256',
  target: 'target',
  device: 'device',
} as const satisfies Partial<Record<Attribute, ScopeAttribute>>;

function followRule(accepted: Entry, observed: Entry | null, rule: MatchedRule): Entry {
  const isComparable = observed !== null && observed.type === accepted.type;
  const next: Record<string, unknown> = { path: accepted.path, type: accepted.type };
  for (const [attribute, name] of Object.entries(measured) as [keyof typeof measured, ScopeAttribute][]) {
    if (!rule.attributes.has(name)) continue;
    const value = accepted[attribute] ?? (isComparable ? observed[attribute] : undefined);
    if (value !== undefined) next[attribute] = value;
  }
  if (accepted.unread !== undefined) next['unread'] = accepted.unread;
  return next as Entry;
}

function haveSameAttributes(a: MatchedRule, b: MatchedRule | null): boolean {
  if (!b) return true;
  return a.attributes.size === b.attributes.size && [...a.attributes].every((name) => b.attributes.has(name));
}

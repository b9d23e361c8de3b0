/**
 * Applies what operators have said about known differences.
 *
 * - A rule never silences a deletion, a replacement or a removal from the state, planned or found outside.
 * - A rule that has expired does nothing, and is reported.
 * - A rule that matched nothing is reported.
 */
import { compileGlob, globProblem } from '@holdfast/shared/glob';
import { type ChangedResource, maxAttributesPerChange } from '#sweep/core/stack-result';
import type { RuleUse, StackRule } from '#sweep/core/stack-rule';
import { matchesWildcard } from '#sweep/core/wildcard';

export interface RuledChanges {
  /** What is left, promoted changes among it. */
  readonly changes: readonly ChangedResource[];
  readonly matched: ReadonlyMap<string, number>;
  readonly ignored: readonly { readonly rule: string; readonly count: number }[];
}

/** The rules that hold for one stack. */
export function rulesFor(stack: string, rules: readonly StackRule[], now: number): StackRule[] {
  return rules.filter((rule) => !isExpired(rule, now) && matchesStack(rule.stack, stack));
}

export function applyRules(changes: readonly ChangedResource[], rules: readonly StackRule[]): RuledChanges {
  const matched = new Map<string, number>();
  const ignored = new Map<string, number>();
  const left: ChangedResource[] = [];
  for (const change of changes) {
    const rule = rules.find((candidate) => actsOn(candidate, change));
    if (rule) matched.set(rule.id, (matched.get(rule.id) ?? 0) + 1);
    if (!rule) left.push(change);
    else if (rule.effect === 'promote') left.push({ ...change, hidden: false });
    else ignored.set(rule.id, (ignored.get(rule.id) ?? 0) + 1);
  }
  return { changes: left, matched, ignored: [...ignored].map(([rule, count]) => ({ rule, count })) };
}

/** What became of each rule; `matched` adds up all stacks. */
export function ruleUse(
  rules: readonly StackRule[],
  matched: ReadonlyMap<string, number>,
  now: number,
): RuleUse[] {
  return rules.map((rule) => ({
    rule: rule.id,
    matched: matched.get(rule.id) ?? 0,
    expired: isExpired(rule, now),
  }));
}

/** Whether a glob on stacks, written without leading slash, matches. Throws on what is no glob. */
export function matchesStack(glob: string, stack: string): boolean {
  return compileGlob(`/${glob}`).matches(`/${stack}`);
}

/** What is wrong with a glob on stacks, or null. */
export function stackGlobProblem(glob: string): string | null {
  return glob.startsWith('/') ? 'must not start with /' : globProblem(`/${glob}`);
}

function actsOn(rule: StackRule, change: ChangedResource): boolean {
  if (rule.effect === 'promote' ? !change.hidden : change.hidden || isUnsilenceable(change)) return false;
  if (!matchesWildcard(rule.address, change.address)) return false;
  const { attributes } = rule;
  if (attributes === null) return true;
  // A list that was cut short, or is empty, does not say that nothing else differs.
  const { length } = change.attributes;
  return (
    length > 0 &&
    length < maxAttributesPerChange &&
    change.attributes.every((name) => attributes.some((pattern) => matchesWildcard(pattern, name)))
  );
}

function isUnsilenceable({ action, outside }: ChangedResource): boolean {
  return action === 'delete' || action === 'replace' || action === 'forget' || outside === 'delete';
}

function isExpired({ until }: StackRule, now: number): boolean {
  return until !== null && now >= until;
}

/**
 * Finds the stacks below the root of the source. Rules:
 * 1. A stack is a directory that a glob of the configuration matches and that holds a marker file.
 * 2. A scaffold, or what an exclude matches, is a stack that is not planned, with the reason.
 * 3. Finding nothing is a failure: a sweep over no stack would be calm for ever. So is a glob that was asked for and
 *    finds nothing; one of the configuration that finds nothing beside others is told.
 */
import { glob } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { maxStackNameLength } from '#sweep/core/stack-result';
import { stackMatcher } from '#sweep/core/stack-glob';
import type { DiscoveredStack } from '#sweep/sweep-request';
import type { SweepConfig } from '../../sweep-config.ts';
import { SweepFailure } from '../sweep-failure.ts';

export const maxStacks = 5000;
/** Caches and metadata hold copies of stacks, and no stack. */
const pruned = new Set(['.git', '.terraform', '.terragrunt-cache', 'node_modules']);

export type DiscoveryRules = Pick<SweepConfig, 'stacks' | 'markers' | 'scaffolds' | 'exclude'>;

export interface Discovery {
  /** Sorted. */
  readonly stacks: readonly DiscoveredStack[];
  /** Globs of the configuration that no stack matches. */
  readonly unmatched: readonly string[];
}

/** `only`: globs; null for all. Throws {@link SweepFailure}, phase config. */
export async function discoverStacks(
  root: string,
  rules: DiscoveryRules,
  only: readonly string[] | null,
): Promise<Discovery> {
  const found = new Set<string>();
  const unmatched: string[] = [];
  for (const pattern of rules.stacks) {
    let matches = 0;
    for (const marker of rules.markers) {
      const exclude = (path: string) => pruned.has(basename(path));
      for await (const file of glob(`${pattern}/${marker}`, { cwd: root, exclude })) {
        matches += 1;
        found.add(dirname(file));
      }
      if (found.size > maxStacks)
        throw new SweepFailure('config', `more than ${maxStacks} stacks were found`);
    }
    if (matches === 0) unmatched.push(pattern);
  }
  const tooLong = [...found].find((stack) => stack.length > maxStackNameLength);
  if (tooLong !== undefined) {
    throw new SweepFailure('config', `the path of a stack is longer than ${maxStackNameLength}: ${tooLong}`);
  }
  const missed = only?.find((glob) => ![...found].some(stackMatcher([glob])));
  if (missed !== undefined && found.size > 0) {
    throw new SweepFailure('config', `no stack is called ${missed}; there are ${found.size} others`);
  }
  const isWanted = only === null ? () => true : stackMatcher(only);
  const stacks = [...found].filter(isWanted).sort();
  if (stacks.length === 0) {
    throw new SweepFailure(
      'config',
      `no directory matches ${rules.stacks.join(', ')} and holds ${rules.markers.join(' or ')} (sweep.stacks, sweep.marker)`,
    );
  }
  const reasonOf = exclusion(rules);
  return { stacks: stacks.map((stack) => ({ stack, excludedBecause: reasonOf(stack) })), unmatched };
}

function exclusion({ scaffolds, exclude }: DiscoveryRules): (stack: string) => string | null {
  const rules = exclude.map(({ stack, reason }) => ({ matches: stackMatcher([stack]), reason }));
  return (stack) => {
    const rule = rules.find(({ matches }) => matches(stack));
    if (rule) return rule.reason;
    return stack.split('/').some((part) => scaffolds.includes(part)) ? 'a scaffold' : null;
  };
}

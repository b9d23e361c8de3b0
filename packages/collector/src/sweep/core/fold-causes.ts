/**
 * One cause, many stacks: changes of the same type, in the same module, by the same action, of the same attributes,
 * from and to the same values, are one row, however many stacks have them and whatever the resources are called.
 */
import type { Cause, ChangeAction, StackResult } from '#sweep/core/stack-result';
import { causes } from '#sweep/core/stack-result';

export interface FoldedCause {
  readonly fingerprint: string;
  readonly cause: Cause;
  readonly type: string;
  readonly module: string;
  readonly action: ChangeAction;
  readonly attributes: readonly string[];
  /** Sorted. */
  readonly stacks: readonly string[];
  /** Resources in all stacks together. */
  readonly resources: number;
  /** One of their addresses. */
  readonly example: string;
}

/** The causes that most stacks have come first. Hidden changes are left out. */
export function foldCauses(results: readonly Pick<StackResult, 'stack' | 'changes'>[]): FoldedCause[] {
  const folded = new Map<string, FoldedCause & { stacks: string[]; resources: number }>();
  for (const { stack, changes } of results) {
    for (const { hidden, address, fingerprint, cause, type, module, action, attributes } of changes) {
      if (hidden) continue;
      const key = JSON.stringify([fingerprint, cause, type, module, action, attributes]);
      const row = folded.get(key) ?? {
        fingerprint,
        cause,
        type,
        module,
        action,
        attributes,
        stacks: [],
        resources: 0,
        example: address,
      };
      folded.set(key, row);
      row.resources += 1;
      if (row.stacks.at(-1) !== stack) row.stacks.push(stack);
    }
  }
  const rows = [...folded.values()].map((row) => ({ ...row, stacks: [...new Set(row.stacks)].sort() }));
  return rows.sort(
    (a, b) =>
      b.stacks.length - a.stacks.length ||
      causes.indexOf(a.cause) - causes.indexOf(b.cause) ||
      compareText(a.example, b.example),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

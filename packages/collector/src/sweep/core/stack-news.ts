/**
 * What sweeps changed for the worse or for the better since people were last told: the only things that they are told of
 * by themselves. What differs as it did then is no news, and neither is what could not be measured once more. It follows
 * from what was told and what is, so nothing is queued.
 */
import { type Cause, causes } from '#sweep/core/stack-result';
import type { StackState } from '#sweep/core/stack-state';

export type StackNews =
  /** It differs, and did not, or by a lesser cause. */
  | { readonly kind: 'differs'; readonly stack: string; readonly cause: Cause; readonly was: Cause | null }
  /** It cannot be planned, and could. */
  | { readonly kind: 'fails'; readonly stack: string; readonly outcome: 'error' | 'timeout' }
  /** The source no longer has it: what it differed by is watched no more. */
  | { readonly kind: 'gone'; readonly stack: string; readonly was: Cause | null }
  /** It is clean again, or can be planned again. */
  | { readonly kind: 'settled'; readonly stack: string; readonly was: Cause }
  | { readonly kind: 'measured-again'; readonly stack: string };

/** What people know of a stack. */
export interface KnownStack {
  readonly cause: Cause | null;
  readonly fails: boolean;
}

/** What people know, once they were told of all that is; `fails`: nothing could be planned at all. */
export interface KnownStacks {
  readonly stacks: ReadonlyMap<string, KnownStack>;
  readonly fails: boolean;
}

export const nothingKnown: KnownStacks = { stacks: new Map(), fails: false };

export function knowAll(states: readonly StackState[], fails: boolean): KnownStacks {
  const known = states.map(({ stack, differs, errorSince }): [string, KnownStack] => [
    stack,
    { cause: differs?.cause ?? null, fails: errorSince !== null },
  ]);
  return { stacks: new Map(known), fails };
}

/** Worse first. A stack may be in it twice: it fails no more, and differs now. */
export function stackNews(known: KnownStacks['stacks'], states: readonly StackState[]): StackNews[] {
  const there = new Set(states.map(({ stack }) => stack));
  const news: StackNews[] = states.flatMap((state) => {
    const before = known.get(state.stack) ?? null;
    return [...difference(before, state), ...failure(before, state)];
  });
  for (const [stack, { cause }] of known) {
    if (!there.has(stack)) news.push({ kind: 'gone', stack, was: cause });
  }
  const rank = ({ kind }: StackNews) =>
    ['differs', 'fails', 'gone', 'settled', 'measured-again'].indexOf(kind);
  return news.sort((a, b) => rank(a) - rank(b) || (a.stack < b.stack ? -1 : a.stack > b.stack ? 1 : 0));
}

export function isWorse({ kind }: StackNews): boolean {
  return kind === 'differs' || kind === 'fails' || kind === 'gone';
}

function difference(before: KnownStack | null, { stack, differs, outcome }: StackState): StackNews[] {
  const was = before?.cause ?? null;
  if (differs === null) {
    return was === null || outcome === 'excluded' ? [] : [{ kind: 'settled', stack, was }];
  }
  const { cause } = differs;
  const isWorse = was === null || causes.indexOf(cause) < causes.indexOf(was);
  return isWorse ? [{ kind: 'differs', stack, cause, was }] : [];
}

function failure(before: KnownStack | null, { stack, outcome, errorSince }: StackState): StackNews[] {
  const failed = before?.fails ?? false;
  if (!failed && (outcome === 'error' || outcome === 'timeout')) return [{ kind: 'fails', stack, outcome }];
  return failed && errorSince === null && outcome !== 'excluded' ? [{ kind: 'measured-again', stack }] : [];
}

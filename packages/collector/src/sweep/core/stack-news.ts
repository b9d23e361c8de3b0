/**
 * What a sweep changed for the worse or for the better: the only things that people are told of by themselves. What
 * differs as it did yesterday is no news, and neither is what could not be measured once more.
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

/** Worse first. A stack may be in it twice: it fails no more, and differs now. */
export function stackNews(
  pairs: readonly { readonly before: StackState | null; readonly after: StackState | null }[],
): StackNews[] {
  const news = pairs.flatMap(({ before, after }): StackNews[] => {
    if (after !== null) return [...difference(before, after), ...failure(before, after)];
    return before === null ? [] : [{ kind: 'gone', stack: before.stack, was: before.differs?.cause ?? null }];
  });
  const rank = ({ kind }: StackNews) =>
    ['differs', 'fails', 'gone', 'settled', 'measured-again'].indexOf(kind);
  return news.sort((a, b) => rank(a) - rank(b) || (a.stack < b.stack ? -1 : a.stack > b.stack ? 1 : 0));
}

export function isWorse({ kind }: StackNews): boolean {
  return kind === 'differs' || kind === 'fails' || kind === 'gone';
}

function difference(before: StackState | null, { stack, differs, outcome }: StackState): StackNews[] {
  const was = before?.differs?.cause ?? null;
  if (differs === null) {
    return was === null || outcome === 'excluded' ? [] : [{ kind: 'settled', stack, was }];
  }
  const { cause } = differs;
  const isWorse = was === null || causes.indexOf(cause) < causes.indexOf(was);
  return isWorse ? [{ kind: 'differs', stack, cause, was }] : [];
}

function failure(before: StackState | null, { stack, outcome, errorSince }: StackState): StackNews[] {
  const failed = before !== null && before.errorSince !== null;
  if (!failed && (outcome === 'error' || outcome === 'timeout')) return [{ kind: 'fails', stack, outcome }];
  return failed && errorSince === null && outcome !== 'excluded' ? [{ kind: 'measured-again', stack }] : [];
}

/**
 * What a comparison must know beyond the entries: what the observation could not see, and how the two scopes differ.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { type BlindReason, blindReasons, type Visibility } from './compare.ts';
import type { Entry } from './entry.ts';
import { isWithin } from './path-text.ts';
import type { ScopeMatcher } from './scope.ts';

/** A place of which the observation says nothing but that it could not see what lies in it. */
export const BlindSpot = Type.Object(
  { path: Type.String({ maxLength: 12_288 }), reason: Type.Enum([...blindReasons]) },
  { additionalProperties: false },
);
export type BlindSpot = Static<typeof BlindSpot>;

/** With more blind spots than this, a report names the scope's root above them instead. */
export const maxBlindSpots = 1000;

/** `scopes` is null when both sides have the same scope. */
export function visibilityOf(
  blindSpots: readonly BlindSpot[],
  scopes: { baseline: ScopeMatcher; observed: ScopeMatcher } | null,
): Visibility {
  return {
    hidden: (before) => blindReasonOf(before, blindSpots),
    leftScope: (path) => scopes !== null && scopes.observed.match(path) === null,
    enteredScope: (path) => scopes !== null && scopes.baseline.match(path) === null,
  };
}

/**
 * Of several places that hide a path, the outermost tells why. A single file that the scope names and that is gone was
 * removed; a tree that is gone may be a mount that went away.
 */
function blindReasonOf(before: Entry, blindSpots: readonly BlindSpot[]): BlindReason | null {
  if (blindSpots.length === 0) return null;
  let spots = outermost.get(blindSpots);
  if (!spots) outermost.set(blindSpots, (spots = outermostOf(blindSpots)));
  const spot = lastUpTo(spots, orderKey(before.path));
  if (!spot || !isWithin(before.path, spot.path)) return null;
  const isLostFile = spot.reason === 'missing' && spot.path === before.path && before.type !== 'directory';
  return isLostFile ? null : spot.reason;
}

/** No place lies within another, in the order of their keys: the last one up to a path is the only one that can hide it. */
interface Spot extends BlindSpot {
  readonly key: string;
}

/** A report may have a thousand blind spots and lack half a million paths: they are put in order once. */
const outermost = new WeakMap<readonly BlindSpot[], readonly Spot[]>();

function outermostOf(blindSpots: readonly BlindSpot[]): Spot[] {
  const sorted = blindSpots
    .map(({ path, reason }) => ({ path, reason, key: orderKey(path) }))
    .sort((a, b) =>
      a.key === b.key
        ? Number(a.reason === 'missing') - Number(b.reason === 'missing')
        : a.key < b.key
          ? -1
          : 1,
    );
  const kept: Spot[] = [];
  for (const spot of sorted) {
    const last = kept.at(-1);
    if (!last || !isWithin(spot.path, last.path)) kept.push(spot);
  }
  return kept;
}

/** Puts what lies in a directory right behind it. No path text holds the character itself. */
function orderKey(path: string): string {
  return path === '/' ? '' : path.replaceAll('/', '\0');
}

function lastUpTo(spots: readonly Spot[], key: string): Spot | undefined {
  let [from, to] = [0, spots.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (spots[middle]!.key <= key) from = middle + 1;
    else to = middle;
  }
  return spots[from - 1];
}

/**
 * What a comparison must know beyond the entries: what the observation could not see, and how the two scopes differ.
 */
import { type Static, Type } from 'typebox';
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

/** A single file that the scope names and that is gone was removed; a tree that is gone may be a mount that went away. */
function blindReasonOf(before: Entry, blindSpots: readonly BlindSpot[]): BlindReason | null {
  for (const spot of blindSpots) {
    if (!isWithin(before.path, spot.path)) continue;
    const isLostFile = spot.reason === 'missing' && spot.path === before.path && before.type !== 'directory';
    if (!isLostFile) return spot.reason;
  }
  return null;
}

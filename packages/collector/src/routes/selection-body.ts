/** How a body names drifts of a node: by globs, by their numbers, or, with neither, all of them. */
import { maxGlobLength } from '@holdfast/shared/glob';
import * as Type from 'typebox';
import { type DriftSelection, maxSelectionDrifts, maxSelectionGlobs } from '#core/select-drift';

/** As much as the globs of one body may be. */
export const maxSelectionBytes = 2 * 1024 * 1024;

export const selectionProperties = {
  /** Globs on reported paths. */
  paths: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: maxGlobLength }), {
      minItems: 1,
      maxItems: maxSelectionGlobs,
    }),
  ),
  /** Numbers of standing drifts. */
  drifts: Type.Optional(
    Type.Array(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), {
      minItems: 1,
      maxItems: maxSelectionDrifts,
    }),
  ),
} as const;

export function selectionOf(body: {
  readonly paths?: readonly string[];
  readonly drifts?: readonly number[];
}): DriftSelection {
  return { paths: body.paths ?? null, drifts: body.drifts ?? null };
}

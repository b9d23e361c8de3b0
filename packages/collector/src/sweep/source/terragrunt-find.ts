/**
 * A second opinion on which stacks there are: `terragrunt find --json`. Some of its versions skip units silently, and a
 * glob of ours may be too narrow, so what only one of the two knows is told.
 */
import { basename } from 'node:path';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';
import type { DiscoveredStack } from '#sweep/sweep-request';
import { type ProgramCall, runProgram } from './run-program.ts';

const findTimeoutMs = 120_000;
/** Of each list that is told. */
export const maxDisagreements = 100;

const units = shapeOf(Type.Array(Type.Object({ type: Type.String(), path: Type.String() })));

export interface Disagreement {
  readonly onlyOurs: readonly string[];
  readonly onlyTerragrunt: readonly string[];
}

export type CrossCheck =
  | ({ readonly kind: 'compared' } & Disagreement)
  /** There is no Terragrunt here, or its answer could not be read. */
  | { readonly kind: 'unavailable'; readonly reason: string };

export async function crossCheck(
  root: string,
  ours: readonly DiscoveredStack[],
  command: readonly string[],
  how: Pick<ProgramCall, 'environment' | 'signal' | 'runAs'>,
): Promise<CrossCheck> {
  const program = command.find((word) => basename(word) === 'terragrunt') ?? 'terragrunt';
  const outcome = await runProgram({
    ...how,
    argv: [program, 'find', '--json'],
    cwd: root,
    timeoutMs: findTimeoutMs,
    environment: { ...how.environment, NO_COLOR: '1', TG_NON_INTERACTIVE: 'true' },
  });
  if (outcome.kind === 'not-started') return { kind: 'unavailable', reason: `${program}: ${outcome.reason}` };
  if (outcome.exitCode !== 0)
    return { kind: 'unavailable', reason: `${program} find exited ${outcome.exitCode}` };
  const theirs = unitsIn(outcome.stdout);
  if (theirs === null) return { kind: 'unavailable', reason: `${program} find printed no list of units` };
  const own = new Set(ours.map(({ stack }) => stack));
  return {
    kind: 'compared',
    onlyOurs: [...own].filter((stack) => !theirs.has(stack)).slice(0, maxDisagreements),
    onlyTerragrunt: [...theirs]
      .filter((stack) => !own.has(stack))
      .sort()
      .slice(0, maxDisagreements),
  };
}

function unitsIn(text: string): Set<string> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!units.check(value)) return null;
    return new Set(value.filter(({ type }) => type === 'unit').map(({ path }) => path.replace(/^\.\//, '')));
  } catch {
    return null;
  }
}

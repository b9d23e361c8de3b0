/** Series of AIDE as the second engine; none for a node whose agent has told nothing of it. */
import { aideStatuses } from '@holdfast/shared/wire-aide';
import type { AideState } from '#core/aide-state';
import { aideStatusOf } from '#core/aide-status';
import type { Family } from './exposition.ts';

interface AideFacts {
  readonly summary: { readonly state: { readonly aide: AideState | null } };
}

type Declare<Facts> = (
  name: string,
  help: string,
  labels: readonly string[],
  write: Family<Facts>['write'],
) => Family<Facts>;

export function aideSeries<Facts extends AideFacts>(gauge: Declare<Facts>): readonly Family<Facts>[] {
  const count = (name: string, help: string, of: (aide: AideState) => number) =>
    gauge(name, help, [], ({ summary }, sample) => {
      if (summary.state.aide) sample(of(summary.state.aide));
    });
  return [
    gauge(
      'holdfast_node_aide_status',
      '1 for the state that the AIDE engine is in, 0 for the others.',
      ['status'],
      ({ summary: { state } }, sample) => {
        if (!state.aide) return;
        const { status } = aideStatusOf(state.aide);
        for (const each of aideStatuses) sample(each === status ? 1 : 0, each);
      },
    ),
    count('holdfast_node_aide_findings', 'Standing drifts that AIDE sees.', ({ findings }) => findings),
    count(
      'holdfast_node_aide_pending_paths',
      "Accepted paths whose rows are not in AIDE's baseline yet.",
      ({ pending }) => pending,
    ),
    count(
      'holdfast_node_engine_disagreements',
      'Paths that both engines read, that nothing changed meanwhile, and that they see differently.',
      ({ disagreements }) => disagreements,
    ),
  ];
}

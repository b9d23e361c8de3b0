/** Waits for the agent's first manifest, and sees to it that there is a baseline to compare with. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry } from '@holdfast/shared/entry';
import type { Api } from './api.ts';

export interface StartedNode {
  readonly node: string;
  /** `old`: from an earlier start. */
  readonly baseline: 'none' | 'new' | 'old';
  readonly pendingBecause: string | null;
  readonly entries: readonly Entry[];
}

interface ListedNode {
  readonly name: string;
  readonly observed: string | null;
  readonly baseline: { readonly acceptedAt: string } | null;
  readonly pendingBecause: string | null;
  readonly agent: { readonly startedAt: string };
  readonly health: { readonly phase: string };
}

/** The node whose agent started at `startedAt` (milliseconds) or later, once it has scanned everything. */
export async function untilObserved(api: Api, startedAt: number, signal: AbortSignal): Promise<StartedNode> {
  while (!signal.aborted) {
    const { nodes } = JSON.parse((await api.get('/api/v1/nodes')).text) as { nodes: ListedNode[] };
    const ours = nodes.find((node) => Date.parse(node.agent.startedAt) >= startedAt);
    if (ours?.health.phase === 'watching' && ours.observed !== null) {
      const { text } = await api.get(`/api/v1/nodes/${ours.name}/manifest?of=observed`);
      const lines = text.split('\n').filter((line) => line !== '');
      return {
        node: ours.name,
        baseline:
          ours.baseline === null ? 'none' : Date.parse(ours.baseline.acceptedAt) >= startedAt ? 'new' : 'old',
        pendingBecause: ours.pendingBecause,
        entries: lines.map((line) => JSON.parse(line) as Entry),
      };
    }
    await sleep(100);
  }
  throw new Error('stopped before the first scan had ended');
}

/**
 * Says how the node stands to its baseline. Where the collector did not take the first report as one (an agent that
 * is not root cannot read everything), this accepts it: whoever runs `npm start` is the operator.
 */
export async function firstBaseline(api: Api, started: StartedNode): Promise<string> {
  if (started.baseline === 'old') return 'compared with the baseline of an earlier start';
  if (started.baseline === 'new') return 'taken as the first baseline';
  const answer = await api.post(`/api/v1/nodes/${started.node}/baseline`, {
    reason: 'first baseline of npm start',
  });
  if (answer.status !== 200) throw new Error(`the first baseline was refused: ${answer.text}`);
  return `accepted as the first baseline (${started.pendingBecause ?? 'no baseline yet'})`;
}

/** Prints each drift as it begins, changes and ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.ts';
import { driftLine, type ShownDrift } from './show.ts';

const pollMs = 500;

/** Until `signal`. Throws if the collector does not answer any more. */
export async function followDrift(
  api: Api,
  node: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let standing = new Map<string, string>();
  let etag: string | undefined;
  while (!signal.aborted) {
    const answer = await api.get(`/api/v1/nodes/${node}/drift`, etag);
    if (answer.status === 200) {
      const { drift } = JSON.parse(answer.text) as { drift: ShownDrift[] };
      const now = new Map(drift.map((each) => [each.path, driftLine(each)]));
      for (const line of difference(standing, now)) say(`${new Date().toLocaleTimeString()}  ${line}`);
      standing = now;
      etag = answer.etag;
    }
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}

function difference(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  const begun = [...now]
    .filter(([path, line]) => before.get(path) !== line)
    .map(([, line]) => `drift  ${line}`);
  const ended = [...before.keys()].filter((path) => !now.has(path)).map((path) => `ended  ${path}`);
  const verdict = now.size === 0 && before.size > 0 ? ['clean  nothing drifts'] : [];
  return [...begun, ...ended, ...verdict];
}

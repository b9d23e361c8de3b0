/** Prints each drift, and each path that becomes unknown, as it begins, changes and ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Api } from './api.ts';
import { driftLine, type ShownDrift, unknownLine, type UnknownPath } from './show.ts';

const pollMs = 500;
/** So many unknown paths are printed one by one; where nobody may read, there are thousands. */
const unknownLinesMax = 20;

/** What stands: a line for each path. */
interface Standing {
  readonly drift: ReadonlyMap<string, string>;
  readonly unknown: ReadonlyMap<string, string>;
}

/** Until `signal`. A collector that has ended is for the caller to notice; one that does not answer is said. */
export async function followDrift(
  api: Api,
  node: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let standing: Standing = { drift: new Map(), unknown: new Map() };
  let etag: string | undefined;
  let trouble: string | null = null;
  while (!signal.aborted) {
    const answer = await api.get(`/api/v1/nodes/${node}/drift`, etag).catch((error: Error) => error);
    const troubleNow = troubleIn(answer);
    if (troubleNow !== null && troubleNow !== trouble && !signal.aborted) say(`holdfast: ${troubleNow}`);
    trouble = troubleNow;
    if (!(answer instanceof Error) && answer.status === 200) {
      const now = standingIn(answer.text);
      for (const line of difference(standing, now)) say(`${new Date().toLocaleTimeString()}  ${line}`);
      standing = now;
      etag = answer.etag;
    }
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}

function troubleIn(answer: Answer | Error): string | null {
  if (answer instanceof Error) return `the collector does not answer: ${answer.message}`;
  if (answer.status === 200 || answer.status === 304) return null;
  return `what drifts is not known, the collector answers ${answer.status}: ${answer.text.trim()}`;
}

function standingIn(text: string): Standing {
  const { drift, unknown } = JSON.parse(text) as { drift: ShownDrift[]; unknown: UnknownPath[] };
  return {
    drift: new Map(drift.map((each) => [each.path, driftLine(each)])),
    unknown: new Map(unknown.map((each) => [each.path, unknownLine(each)])),
  };
}

/** What to print when `before` has become `now`. */
export function difference(before: Standing, now: Standing): string[] {
  const began = begun(before.drift, now.drift).map((line) => `drift  ${line}`);
  const ended = gone(before.drift, now.drift).map((path) => `ended  ${path}`);
  const blind = begun(before.unknown, now.unknown).map((line) => `unknown  ${line}`);
  const more = blind.length - unknownLinesMax;
  if (more > 0) blind.splice(unknownLinesMax, more, `unknown  … and ${more} paths more`);
  const seen = gone(before.unknown, now.unknown).map((path) => `known again  ${path}`);
  if (seen.length > unknownLinesMax) seen.splice(0, seen.length, `known again  ${seen.length} paths`);
  const calm = now.drift.size === 0 && (ended.length > 0 || seen.length > 0);
  return [...began, ...ended, ...blind, ...seen, ...(calm ? [verdict(now.unknown.size)] : [])];
}

function verdict(unknown: number): string {
  return unknown === 0
    ? 'clean  nothing drifts'
    : `unknown  nothing drifts of what could be read; ${unknown} paths could not`;
}

function begun(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  return [...now].filter(([path, line]) => before.get(path) !== line).map(([, line]) => line);
}

function gone(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  return [...before.keys()].filter((path) => !now.has(path));
}

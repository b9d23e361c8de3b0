/** A sweep as a job apart from the collector: it keeps nothing here, asks for hints first, and sends its results at the end. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { conductSweep } from '#sweep/conduct-sweep';
import { type PushedBody, sweepHints } from '#sweep/pushed-sweep';
import { DirectoryInUseError, lockDirectory } from '#store/directory-lock';
import type { StackResult } from '#sweep/core/stack-result';
import type { StackHint } from '#sweep/sweep-request';
import { sourceName } from '#sweep/sweeper';
import { type HttpAnswer, type HttpClient, openHttpClient } from '../http-client.ts';
import { retry, type RetryLimits } from '../retry.ts';
import type { CommandContext } from './program.ts';
import type { CommandSweep } from './sweep.ts';
import { sweepProgress } from './sweep-progress.ts';
import type { SweepReport } from './sweep-report.ts';

const requestTimeoutMs = 60_000;
const hintRetries: RetryLimits = { tries: 3, minMs: 500, maxMs: 3000 };
/** Some ten minutes: an hour's work should not be lost to a restart of the collector. */
const resultRetries: RetryLimits = { tries: 25, minMs: 1000, maxMs: 60_000 };

/** Throws if the collector does not take the results. */
export async function pushSweep(
  context: CommandContext,
  { config, only, log }: CommandSweep,
  url: URL,
): Promise<SweepReport> {
  const { token, caFile } = config.sweepPush;
  if (token === null)
    throw new Error('--push-to needs a token of role sweeper: HOLDFAST_SWEEP_PUSH_TOKEN, or _FILE');
  const ca = caFile === null ? null : await readFile(caFile, 'utf8');
  await using opened = new AsyncDisposableStack();
  const http = opened.use(openHttpClient(ca));
  const collector = collectorAt(http, url, token, context.stop);
  const directory = join(config.dataDir, 'sweep');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  opened.use(lockOrExplain(directory));
  const hints = await collector.hints();
  if (hints === null) {
    log.warn(
      'the collector gave no hints: the order is by name, and perpetual drift is not recognised this time',
    );
  }
  const id = randomUUID();
  const aheadMs = hints?.aheadMs ?? 0;
  const clock = () => Date.now() + aheadMs;
  const startedAt = clock();
  const conducted = await conductSweep(
    {
      config: config.sweep,
      only,
      hints: hints?.stacks ?? new Map(),
      salt: hints?.salt ?? randomBytes(32).toString('hex'),
      knownStacks: [...(hints?.stacks.keys() ?? [])],
    },
    {
      log,
      clock,
      environment: context.environment,
      directory,
      signal: context.stop,
      onDiscovered: async () => {},
      onProgress: sweepProgress(context.stderr, config.sweep.limits),
    },
  );
  const { scope, end } = conducted;
  const results = hints === null ? conducted.results.map(withoutFingerprint) : conducted.results;
  const { deadlineMs } = config.sweep.limits;
  const source = sourceName(config.sweep.source);
  const body = { only, startedAt, deadlineMs, source, scope, end, results };
  await collector.put(id, body as unknown as PushedBody);
  return { id, scope, end, discovered: scope?.discovered ?? results.length, results };
}

/** One with a salt of its own is comparable with no other: it would look as if the difference were another each time. */
function withoutFingerprint(result: StackResult): StackResult {
  return { ...result, fingerprint: null };
}

function lockOrExplain(directory: string): Disposable {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!(error instanceof DirectoryInUseError)) throw error;
    throw new Error(`a sweep is running in ${directory}: there is one at a time on a data directory`, {
      cause: error,
    });
  }
}

interface Hints {
  readonly salt: string;
  /** By how much the collector's clock is ahead of ours. */
  readonly aheadMs: number;
  readonly stacks: ReadonlyMap<string, StackHint>;
}

function collectorAt(http: HttpClient, url: URL, token: string, stop: AbortSignal) {
  const at = (path: string) => {
    const target = new URL(url.origin);
    target.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/sweeps/${path}`;
    return target;
  };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const send = (
    call: Pick<Parameters<HttpClient['send']>[0], 'method' | 'url' | 'body'>,
    limits: RetryLimits,
    signal: AbortSignal,
  ) =>
    retry<HttpAnswer | { readonly unreachable: string }>(
      async () => {
        const outcome = await http.send({ ...call, headers, timeoutMs: requestTimeoutMs });
        if ('unreachable' in outcome) return { again: outcome, retryAfterMs: null };
        const mayPass = outcome.status === 429 || outcome.status >= 500;
        return mayPass ? { again: outcome, retryAfterMs: outcome.retryAfterMs } : { done: outcome };
      },
      limits,
      signal,
    );
  return {
    /** Null if it has none to give. */
    async hints(): Promise<Hints | null> {
      const answer = await send({ method: 'GET', url: at('hints') }, hintRetries, stop);
      if ('status' in answer && (answer.status === 401 || answer.status === 403)) {
        throw new Error(`the collector at ${url.origin} refuses the token: it needs one of role sweeper`);
      }
      if (!('status' in answer) || answer.status !== 200) return null;
      const value: unknown = JSON.parse(answer.body);
      if (!sweepHints.check(value)) return null;
      const stacks = value.stacks.map(({ stack, ...hint }) => [stack, hint] as const);
      const aheadMs = (value.now ?? Date.now()) - Date.now();
      return { salt: value.salt, aheadMs, stacks: new Map(stacks) };
    },
    /** Also when the sweep was stopped: what was measured is told. Then it is tried for a shorter time. */
    async put(id: string, body: PushedBody): Promise<void> {
      const limits = stop.aborted ? hintRetries : resultRetries;
      const text = JSON.stringify(body);
      const answer = await send(
        { method: 'PUT', url: at(`${id}/results`), body: text },
        limits,
        new AbortController().signal,
      );
      if ('status' in answer && answer.status === 200) return;
      const why =
        'status' in answer
          ? `it answered ${answer.status}: ${answer.body.slice(0, 300).trim()}`
          : answer.unreachable;
      throw new Error(`the collector at ${url.origin} did not take the results: ${why}`);
    },
  };
}

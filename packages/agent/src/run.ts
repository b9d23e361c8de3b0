/** The resident agent, put together from its parts. */
import { contentFilter } from '@holdfast/shared/content';
import type { Logger } from 'pino';
import { startDelayMs } from '#core/start-delay';
import { type CollectorClientOptions, openCollectorClient } from '#io/collector-client';
import { readHostFacts } from '#io/host-facts';
import { openAideDatabases } from '#io/aide-databases';
import { openOutbox } from '#io/outbox';
import { hostPathsUnder } from '#io/tree/host-path';
import { giveBackPageCache } from '#io/page-cache';
import { loadScope } from '#io/scope-file';
import { openStateDirectory } from '#io/state-directory';
import { type AideEngine, startAideEngine } from './aide/aide-engine.ts';
import type { AgentConfig } from './config.ts';
import type { HealthAnswer } from './health/agent-status.ts';
import { startHealth } from './health/start-health.ts';
import { Tally } from './health/tally.ts';
import { type Observer, startObserver } from './observe/observer.ts';
import { startReporter } from './report/reporter.ts';
import { version } from './version.ts';

/** How long a stop waits for the collector. What it has not taken by then stays in the outbox. */
export const stopFlushMs = 3000;

const bytesPerMib = 1024 * 1024;

export interface Agent extends AsyncDisposable {
  /** Of the health page; null while its address is taken. */
  readonly healthPort: number | null;
  /** What its page `/healthz` answers. */
  health(): HealthAnswer;
  /** Resolves to the first path whose mounted file the host has replaced since this agent looked at it. */
  readonly detached: Promise<string>;
}

/**
 * Starts everything; the first full scan comes after the splay. Rejects, with nothing left running, if the state
 * directory, the scope or a secret cannot be used; a collector that is away is no reason not to start.
 *
 * Disposing looks no more, tells the collector what is still to be told, and leaves the rest safe in the outbox.
 */
export async function startAgent(config: AgentConfig, log: Logger): Promise<Agent> {
  await using parts = new AsyncDisposableStack();
  const startedAt = new Date().toISOString();
  const scope = await loadScope(config.scopeFile);
  const stateDirectory = parts.use(await openStateDirectory(config.stateDir));
  const outbox = parts.use(
    await openOutbox({ stateDirectory, log, clock: Date.now, maxBytes: config.outboxMib * bytesPerMib }),
  );
  const clientOptions = clientOptionsOf(config);
  const client = parts.use(await openCollectorClient(clientOptions));
  const databases = parts.use(await openAideDatabases(clientOptions));
  const facts = { ...(await readHostFacts(config.hostRoot)), version, startedAt };
  const observer = await startObserver(observerOptions(config, scope, log));
  const aide = await startAideEngine({
    ...aideOptions(config),
    stateDirectory: stateDirectory.path,
    observation: observer,
    databases,
    log,
    clock: Date.now,
  });
  const detached = firstDetached(observer);
  const tally = new Tally(observer);
  const reporter = parts.use(
    startReporter({
      observation: observer,
      outbox,
      client,
      aide,
      facts,
      heartbeatSeconds: config.heartbeatSeconds,
      log,
      clock: Date.now,
      random: Math.random,
      contents: {
        isAllowed: contentFilter(config.contentPaths),
        hostPath: hostPathsUnder(config.hostRoot),
      },
      onOutcome: (outcome) => tally.countReport(outcome),
    }),
  );
  parts.defer(async () => {
    const isTold = await reporter.flush(stopFlushMs);
    log.info({ isTold, waitingEvents: outbox.waiting }, 'stopped looking');
  });
  parts.use(observer); // ends before those above, which tell what it has seen
  parts.use(aide);
  giveBackCacheAfterScans(observer, aide, log);
  const health = parts.use(
    await startHealth({ observation: observer, outbox, reporter, tally, aide }, config, log),
  );
  for (const warning of config.warnings) log.warn({}, warning);
  const { nodeName, hostRoot } = config;
  log.info({ version, node: nodeName, hostRoot, scope: scope.digest }, 'the agent has started');
  const running = parts.move();
  return {
    get healthPort() {
      return health.port;
    },
    health: () => health.answer(),
    detached,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** What was detached from the start is left out: it would be so again. */
function firstDetached(observer: Observer): Promise<string> {
  return new Promise((resolve) => {
    observer.onChange((changes) => {
      const lost = changes.find(
        ({ before, after }) => after?.unread === 'detached' && before?.unread !== 'detached',
      );
      if (lost) resolve(lost.path);
    });
  });
}

function clientOptionsOf({ collector, nodeName }: AgentConfig): CollectorClientOptions {
  if (collector === null) throw new Error('the agent needs a collector to report to');
  const { url, token, caFile } = collector;
  return { url: url.href, node: nodeName, token, caFile: caFile ?? undefined, clock: Date.now };
}

function observerOptions(
  config: AgentConfig,
  scope: Observer['scope'],
  log: Logger,
): Parameters<typeof startObserver>[0] {
  return {
    scope,
    log,
    hostRoot: config.hostRoot,
    maxFileMib: config.maxFileMib,
    settleMs: config.settleMs,
    metadataScanSeconds: config.metadataScanSeconds,
    fullScanCron: config.fullScanCron,
    readMibPerSecond: config.readMibPerSecond,
    startDelayMs: startDelayMs(config.nodeName, config.startSplaySeconds),
    startAtFullSpeed: config.startSplaySeconds === 0,
  };
}

function aideOptions(
  config: AgentConfig,
): Pick<
  Parameters<typeof startAideEngine>[0],
  'search' | 'cron' | 'startDelayMs' | 'timeLimitMs' | 'hostRoot'
> {
  return {
    search: { binary: config.aideBinary, searchPath: config.searchPath },
    cron: config.aideCron,
    startDelayMs: startDelayMs(`aide ${config.nodeName}`, config.startSplaySeconds),
    timeLimitMs: config.aideTimeoutSeconds * 1000,
    hostRoot: config.hostRoot,
  };
}

/** After each full scan and each run of AIDE: what they read is not needed again. */
function giveBackCacheAfterScans(observer: Observer, aide: AideEngine, log: Logger): void {
  let last = '';
  const look = (): void => {
    const scans = [...observer.scans.filter(({ net }) => net === 'full'), ...(aide.scan ? [aide.scan] : [])];
    const newest = scans.map(({ net, startedAt }) => `${net} ${startedAt}`).join();
    if (newest === last) return;
    last = newest;
    void giveBackPageCache().then((answer) => log.debug({ ...answer }, 'gave page cache back'));
  };
  observer.onState(look);
  aide.onState(look);
}

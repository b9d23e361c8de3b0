/** One sweep by hand: beside a collector on the same data directory, or apart from it with `--push-to`. */
import { once } from 'node:events';
import { globProblem } from '@holdfast/shared/glob';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import type { Logger } from 'pino';
import { commandLine } from '#core/auth';
import { CollectorMetrics } from '#outputs/collector-metrics';
import { openSqliteStore } from '#store/sqlite-store';
import { stackGlob } from '#sweep/core/stack-glob';
import { Sweeper } from '#sweep/sweeper';
import { type CollectorConfig, collectorOptions } from '../config.ts';
import { createLog } from '../log.ts';
import type { SweepConfig } from '../sweep-config.ts';
import { sweepOptions } from '../sweep-options.ts';
import { tellSweeps } from '../tell-sweeps.ts';
import { configFor } from './data-directory.ts';
import { addOptionFlags } from './option-flags.ts';
import type { CommandContext } from './program.ts';
import { pushSweep } from './push-sweep.ts';
import { sweepProgress } from './sweep-progress.ts';
import { exitCodeOf, type SweepReport, writeReport } from './sweep-report.ts';

interface SweepFlags {
  readonly stack?: readonly string[];
  readonly json?: true;
  readonly pushTo?: URL;
}

const { dataDir, logLevel } = collectorOptions;
const options = { dataDir, ...sweepOptions, logLevel };

export function sweepCommand(context: CommandContext): Command {
  const command = new Command('sweep')
    .description(
      'Plan every stack now. Exits 0 if all are clean, 2 if something differs, 1 if something could not be measured.',
    )
    .option('--stack <GLOB>', 'only these stacks; may be repeated', addGlob)
    .option('--json', 'print the outcomes as JSON on stdout')
    .option('--push-to <URL>', 'keep nothing here: send the results to the collector there', parseUrl)
    .allowExcessArguments(false);
  return addOptionFlags(command, options).action(async (flags: SweepFlags & Record<string, unknown>) => {
    const config = await configFor(context, flags, Object.keys(options));
    if (config.sweep === null) {
      throw new Error(
        'no source of stacks is configured: set HOLDFAST_SWEEP_PATH or HOLDFAST_SWEEP_GIT, or sweep.source in --config',
      );
    }
    // What is said on the way goes to stderr; stdout is for the outcomes.
    const log = createLog(
      flags.pushTo || config.logLevel !== 'info' ? config.logLevel : 'warn',
      context.stderr,
    );
    const task = { config: { ...config, sweep: config.sweep }, only: flags.stack ?? null, log };
    const report = flags.pushTo
      ? await pushSweep(context, task, flags.pushTo)
      : await sweepHere(context, task);
    writeReport(context.stdout, report, flags.json === true);
    const exitCode = exitCodeOf(report);
    if (exitCode !== 0) throw new CommanderError(exitCode, 'holdfast.sweep', '');
  });
}

export interface CommandSweep {
  readonly config: CollectorConfig & { readonly sweep: SweepConfig };
  readonly only: readonly string[] | null;
  readonly log: Logger;
}

async function sweepHere(context: CommandContext, { config, only, log }: CommandSweep): Promise<SweepReport> {
  await using store = await openSqliteStore({ dataDir: config.dataDir, exclusive: false });
  const metrics = new CollectorMetrics().deliveries;
  await using teller = await tellSweeps(config, { store, log, metrics });
  await using sweeper = new Sweeper(config.sweep, {
    store: store.sweeps,
    log,
    clock: Date.now,
    environment: context.environment,
    dataDir: config.dataDir,
    onEnd: () => teller.wake(),
    onProgress: sweepProgress(context.stderr, config.sweep.limits),
  });
  const started = await sweeper.start({
    trigger: 'command',
    who: commandLine,
    reason: null,
    only,
    audit: null,
  });
  if (started.kind === 'running') {
    throw new Error(
      `a sweep is running${started.id === null ? '' : ` (${started.id})`}: there is one at a time on a data directory`,
    );
  }
  const ended = new AbortController();
  const stopped = once(context.stop, 'abort', { signal: ended.signal }).catch(() => undefined);
  if (!context.stop.aborted) await Promise.race([started.ended, stopped]);
  ended.abort();
  if (context.stop.aborted) await sweeper[Symbol.asyncDispose]();
  const sweep = await store.sweeps.sweep(started.id);
  if (!sweep?.end) throw new Error('the end of the sweep could not be written; the log says why');
  return {
    id: started.id,
    scope: sweep.scope,
    end: sweep.end,
    discovered: sweep.discovered,
    results: await store.sweeps.resultsOf(started.id),
  };
}

function addGlob(glob: string, before: readonly string[] = []): string[] {
  const problem = glob === '' ? 'is empty' : globProblem(stackGlob(glob));
  if (problem !== null) throw new InvalidArgumentError(`It ${problem}.`);
  return [...before, glob];
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url;
  throw new InvalidArgumentError('Must be the URL of a collector, as in https://holdfast.example.com.');
}

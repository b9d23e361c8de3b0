/** `npm start`: a collector and one agent over this machine, and each drift as it comes, until Ctrl-C. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNodeFlags, agentProcessEnvironment } from '@holdfast/agent/runtime';
import { collectorNodeFlags } from '@holdfast/collector/runtime';
import { connectApi } from './start/api.ts';
import { type Claim, claimDirectory } from './start/claim-directory.ts';
import { firstBaseline, type StartedNode, untilObserved } from './start/first-baseline.ts';
import { followDrift } from './start/follow-drift.ts';
import { type Program, startProgram } from './start/program.ts';
import { prepare, type Settings } from './start/settings.ts';
import { curlLines, entryTable } from './start/show.ts';

const stopGraceMs = 10_000;
const checkout = join(import.meta.dirname, '..');
const say = (line: string) => console.log(line);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

try {
  if (process.argv.length > 2) throw new Error('npm start takes no arguments; README.md says what it obeys');
  const settings = prepare(process.env, checkout);
  const claim = await claimDirectory(settings.directory, say);
  try {
    process.exitCode = await start(settings, claim, stop.signal);
  } finally {
    claim.release();
  }
} catch (error) {
  console.error(`holdfast: ${(error as Error).message}`);
  process.exitCode = 1;
}

/** Runs until `signal`; returns the exit code. */
async function start(settings: Settings, claim: Claim, signal: AbortSignal): Promise<number> {
  const collector = startProgram(
    'collector',
    [...collectorNodeFlags, join(checkout, 'packages/collector/src/main.ts'), 'serve'],
    settings.collectorEnvironment,
    join(settings.directory, 'collector.log'),
    say,
  );
  const startedAt = Date.now();
  const programs: Program[] = [collector];
  const failed = new AbortController();
  const running = AbortSignal.any([signal, failed.signal]);
  let failure: string | null = null;
  const watchOver = (program: Program) => {
    if (program.pid !== undefined) claim.note(program.pid);
    void program.ended.then((how) => {
      if (signal.aborted) return;
      failure ??= `${how}; its log is ${join(settings.directory, `${program.name}.log`)}`;
      failed.abort();
    });
  };
  watchOver(collector);

  try {
    const api = connectApi(settings.url, settings.operatorToken, settings.caFile);
    await untilReady(api, running);
    const agent = startProgram(
      'agent',
      [...agentNodeFlags, join(checkout, 'packages/agent/src/main.ts'), 'run'],
      { ...agentProcessEnvironment, ...settings.agentEnvironment },
      join(settings.directory, 'agent.log'),
      say,
    );
    programs.push(agent);
    watchOver(agent);
    say(`holdfast: the collector listens on ${settings.url}; the agent reads this machine's files`);
    const started = await untilObserved(api, startedAt, running);
    await introduce(api, started, settings);
    await followDrift(api, started.node, say, running);
  } catch (error) {
    if (!running.aborted) failure = (error as Error).message;
  }
  for (const program of programs.toReversed()) await program.stop(stopGraceMs);
  if (failure !== null) console.error(`holdfast: ${failure}`);
  else say('holdfast: stopped; the data is kept');
  return failure === null ? 0 : 1;
}

/** Our own collector, that is: one that knows the token. Where another program has the port, ours will end. */
async function untilReady(api: ReturnType<typeof connectApi>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await api.get('/api/v1/nodes').catch(() => null);
    if (answer?.status === 200 && answer.text.startsWith('{"nodes":')) return;
    await sleep(50);
  }
  throw new Error('stopped before the collector was ready');
}

async function introduce(
  api: ReturnType<typeof connectApi>,
  started: StartedNode,
  settings: Settings,
): Promise<void> {
  say(`\n${entryTable(started.entries, settings.roots)}\n`);
  say(`node ${started.node}: ${started.entries.length} entries, ${await firstBaseline(api, started)}\n`);
  say(`${curlLines(settings.url, started.node, settings.operatorTokenFile, settings.caFile)}\n`);
  say('Change a file of the scope and watch. Ctrl-C stops.');
}

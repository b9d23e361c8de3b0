import { once } from 'node:events';
import { type DestinationStream, type Logger, pino } from 'pino';
import { type ServiceState, serviceManager } from '@holdfast/shared/service-manager';
import { keepNotifying } from '#io/keep-notifying';
import type { AgentConfig } from '../config.ts';
import type { HealthAnswer } from '../health/agent-status.ts';
import { startAgent } from '../run.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

/** Stays until the signal aborts, and then until the outbox is safe. */
export async function run(
  config: AgentConfig,
  { environment, stdout, signal }: Surroundings,
): Promise<ExitCode> {
  const log = createLog(config.logLevel, stdout);
  const agent = await startAgent(config, log);
  const manager = serviceManager(environment, process.pid);
  const check = () => stateOf(agent.health());
  const notifying = manager && keepNotifying({ manager, check, log });
  const exitCode = await Promise.race([
    signal.aborted ? exitCodes.ok : once(signal, 'abort').then(() => exitCodes.ok),
    ...(config.detachedFiles === 'exit' ? [agent.detached.then((path) => endForRestart(path, log))] : []),
  ]);
  log.info({}, 'stopping');
  await notifying?.[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
  log.info({}, 'stopped');
  return exitCode;
}

/** A mount holds on to the file that it was made of; only a new one shows what the host has put in its place. */
function endForRestart(path: string, log: Logger): ExitCode {
  log.warn({ path }, 'the host has replaced a file that is mounted by itself; ending, to be started anew');
  return exitCodes.restart;
}

function stateOf({ httpStatus, body }: HealthAnswer): ServiceState {
  const troubles = [...body.failing, ...body.degraded];
  const status = troubles.length === 0 ? body.phase : `${body.phase}, ${body.status}: ${troubles.join('; ')}`;
  return { isAlive: httpStatus === 200, status };
}

/** JSON lines, for whatever collects the output of services. */
function createLog(level: string, destination: DestinationStream): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

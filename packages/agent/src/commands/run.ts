import { once } from 'node:events';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { AgentConfig } from '../config.ts';
import { startAgent } from '../run.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

/** Stays until the signal aborts, and then until the outbox is safe. */
export async function run(config: AgentConfig, { stdout, signal }: Surroundings): Promise<ExitCode> {
  const log = createLog(config.logLevel, stdout);
  const agent = await startAgent(config, log);
  if (!signal.aborted) await once(signal, 'abort');
  log.info({}, 'stopping');
  await agent[Symbol.asyncDispose]();
  log.info({}, 'stopped');
  return exitCodes.ok;
}

/** JSON lines, for whatever collects the output of services. */
function createLog(level: string, destination: DestinationStream): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

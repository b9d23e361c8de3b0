import type { AgentConfig } from '../config.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export async function run(_config: AgentConfig, _surroundings: Surroundings): Promise<ExitCode> {
  throw new Error('not built yet');
}

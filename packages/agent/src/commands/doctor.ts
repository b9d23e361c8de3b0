import { OptionsError } from '@holdfast/shared/options';
import { ScopeError, type ScopeMatcher } from '@holdfast/shared/scope';
import { loadScope } from '#io/scope-file';
import { type AgentConfig, type ConfigSources, nodeNameProblem, readConfig } from '../config.ts';
import { checkAide } from './doctor/aide.ts';
import { checkCollector } from './doctor/collector.ts';
import { type DoctorFinding, doctorLine, fail, ok } from '@holdfast/shared/doctor-finding';
import { checkRunningAgent } from './doctor/running-agent.ts';
import { judgeLook } from './doctor/scope.ts';
import { checkStateDirectory } from './doctor/state-directory.ts';
import { checkWatchLimits } from './doctor/watch-limits.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { lookOnce } from './look.ts';
import { printLines } from './print-lines.ts';
import type { Surroundings } from './surroundings.ts';

/** Checks everything that `run` needs of this host, and prints each result as it comes. */
export async function doctor(sources: ConfigSources, surroundings: Surroundings): Promise<ExitCode> {
  let failed = false;
  for await (const finding of examine(sources, surroundings)) {
    failed ||= finding.level === 'FAIL';
    await printLines(surroundings.stdout, [doctorLine(finding)]);
  }
  return failed ? exitCodes.error : exitCodes.ok;
}

async function* examine(sources: ConfigSources, surroundings: Surroundings): AsyncGenerator<DoctorFinding> {
  const config = await orProblems(readConfig(sources, 'look'));
  if (Array.isArray(config)) {
    yield* config.map((problem) => fail('configuration', problem, 'see docs/configuration-agent.md'));
    return;
  }
  yield ok('configuration', 'every option is well formed');
  yield* checkNames(config);
  yield await checkStateDirectory(config.stateDir, config.outboxMib);
  const { aideBinary: binary, searchPath } = config;
  yield await checkAide({ binary, searchPath }, surroundings.signal);
  yield* await checkRunningAgent(config.listen, surroundings.signal);
  yield* await checkCollector(config.collector, config.nodeName, surroundings.signal);
  const scope = await orProblems(loadScope(config.scopeFile));
  if (Array.isArray(scope))
    yield* scope.map((problem) =>
      fail('scope', problem, 'see docs/configuration-agent.md, "The scope file"'),
    );
  else yield* examineScope(config, scope, surroundings);
}

function* checkNames({ nodeName, warnings }: AgentConfig): Generator<DoctorFinding> {
  const problem = nodeNameProblem(nodeName);
  yield problem
    ? fail('node name', `${JSON.stringify(nodeName)} ${problem}`, 'set HOLDFAST_NODE_NAME')
    : ok('node name', nodeName);
  for (const warning of warnings) {
    yield { level: 'warn', name: 'configuration', what: warning, cure: 'see docs/configuration-agent.md' };
  }
}

async function* examineScope(
  config: AgentConfig,
  scope: ScopeMatcher,
  surroundings: Surroundings,
): AsyncGenerator<DoctorFinding> {
  try {
    const look = await lookOnce(config, scope, surroundings);
    yield* judgeLook(scope, look);
    const directories = [...look.manifest.entries()].filter(({ type }) => type === 'directory').length;
    yield* await checkWatchLimits(directories);
  } catch (error) {
    surroundings.signal.throwIfAborted();
    yield fail('scope', (error as Error).message, 'set HOLDFAST_HOST_ROOT, or correct the scope');
  }
}

async function orProblems<T>(result: Promise<T>): Promise<T | string[]> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof OptionsError || error instanceof ScopeError) return [...error.problems];
    throw error;
  }
}

/** What the operator runs once after a checkout, before anything is planned: decrypting, writing a kubeconfig. */
import type { SweepConfig } from '../../sweep-config.ts';
import { SweepFailure } from '../sweep-failure.ts';
import { type ProgramCall, runProgram } from './run-program.ts';

const maxReasonCharacters = 1000;

/** In the order of the configuration, in the root of the source. Throws {@link SweepFailure}, phase prepare, at the first that fails. */
export async function prepareCheckout(
  config: Pick<SweepConfig, 'prepare' | 'prepareTimeoutMs'>,
  how: Pick<ProgramCall, 'cwd' | 'environment' | 'signal' | 'runAs'>,
  /** Takes secrets out of what a program has printed. */
  redact: (text: string) => string,
): Promise<void> {
  for (const [i, [program = '', ...rest]] of config.prepare.entries()) {
    const outcome = await runProgram({
      ...how,
      argv: [program, ...rest],
      timeoutMs: config.prepareTimeoutMs,
    });
    if (outcome.kind === 'ended' && outcome.exitCode === 0 && outcome.why === 'itself') continue;
    // By its place: the words of a command may hold what should not be told.
    throw new SweepFailure(
      'prepare',
      `prepare command ${i + 1}: ${reasonOf(outcome, config.prepareTimeoutMs, redact)}`,
    );
  }
}

function reasonOf(
  outcome: Awaited<ReturnType<typeof runProgram>>,
  timeoutMs: number,
  redact: (text: string) => string,
): string {
  if (outcome.kind === 'not-started') return `could not be started: ${outcome.reason}`;
  if (outcome.why === 'timeout') return `took longer than ${timeoutMs / 1000} s`;
  if (outcome.why === 'stopped') return 'was stopped';
  const said = redact(outcome.stderr).replaceAll(/\s+/g, ' ').trim().slice(-maxReasonCharacters);
  return `exited ${outcome.exitCode ?? 'by a signal'}${said === '' ? '' : `: ${said}`}`;
}

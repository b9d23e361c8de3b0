/** Checks everything that `serve` needs of this host, and prints each result as it comes. */
import { type DoctorFinding, doctorLine, fail, ok } from '@holdfast/shared/doctor-finding';
import { OptionsError } from '@holdfast/shared/options';
import { Command, CommanderError } from 'commander';
import { type CollectorConfig, collectorOptions } from '../config.ts';
import { loadConfig } from '../load-config.ts';
import { checkBackups } from './doctor/backups.ts';
import { checkDatabase } from './doctor/database.ts';
import { checkListen } from './doctor/listen.ts';
import { checkSweep } from './doctor/sweep.ts';
import { checkTls } from './doctor/tls.ts';
import { addOptionFlags } from './option-flags.ts';
import type { CommandContext } from './program.ts';

export function doctorCommand(context: CommandContext): Command {
  const command = new Command('doctor').description(
    'Say what the collector lacks on this host, each with its cure. Exit 0: nothing; 1: something.',
  );
  return addOptionFlags(command, collectorOptions).action(async (flags: Record<string, string>) => {
    let failed = false;
    for await (const finding of examine(context, flags)) {
      failed ||= finding.level === 'FAIL';
      context.stdout.write(`${doctorLine(finding)}\n`);
    }
    if (failed) throw new CommanderError(1, 'holdfast.doctor', 'something is lacking');
  });
}

async function* examine(
  { environment, stop }: CommandContext,
  flags: Record<string, string>,
): AsyncGenerator<DoctorFinding> {
  let config: CollectorConfig;
  try {
    config = loadConfig({ environment, flags, configFile: flags['config'] ?? null });
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    for (const problem of error.problems)
      yield fail('configuration', problem, 'see docs/configuration-collector.md');
    return;
  }
  yield ok('configuration', 'every option is well formed');
  yield* await checkDatabase(config);
  yield* await checkTls(config.tls, Date.now());
  yield await checkListen(config);
  yield await checkBackups(config.backups, Date.now());
  yield* checkSweep(config.sweep, { environment, dataDir: config.dataDir, signal: stop });
}

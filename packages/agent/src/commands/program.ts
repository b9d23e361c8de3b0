/** The command line. Each command returns its exit code; every error ends here, as one message without a stack. */
import { Command, CommanderError } from 'commander';
import { readConfig } from '../config.ts';
import { versionLine } from '../version.ts';
import { printAideConfig } from './aide-config.ts';
import { check } from './check.ts';
import { addConfigFlags, lookOptions } from './config-flags.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { init } from './init.ts';
import { printLines } from './print-lines.ts';
import { scan } from './scan.ts';
import { Interruption, type Surroundings } from './surroundings.ts';
import { update } from './update.ts';

/** Runs `holdfast-agent` with `args`. Never rejects; returns the exit code. */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  // Each write learns of its own failure, see print-lines.ts; unheard, the event would end the process.
  for (const stream of [surroundings.stdout, surroundings.stderr]) stream.on('error', () => {});
  let exitCode: ExitCode = exitCodes.ok;
  const program = buildProgram(surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (surroundings.signal.reason instanceof Interruption) return surroundings.signal.reason.exitCode;
    const message = error instanceof Error ? error.message : String(error);
    await printLines(surroundings.stderr, [`holdfast-agent: ${message}`]).catch(() => {});
    return exitCodes.error;
  }
}

type Flags = Readonly<Record<string, unknown>>;

function buildProgram(surroundings: Surroundings, end: (code: ExitCode) => void): Command {
  const { environment, hostname, stdout, stderr } = surroundings;
  const sources = (flags: Flags) => ({ flags, environment, hostname });
  const look = (flags: Flags) => readConfig(sources(flags), 'look');
  const program = new Command('holdfast-agent')
    .description('Watches the files of a host and reports what changes to a Holdfast collector.')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .exitOverride()
    .showHelpAfterError('(add --help for what there is)');
  const command = (name: string, description: string): Command =>
    program.command(name).description(description).helpOption('-h, --help', 'this text');

  addConfigFlags(command('run', 'stay resident: watch, scan, and report to the collector')).action(
    async (flags: Flags) => {
      const config = await readConfig(sources(flags), 'run');
      const { run } = await import('./run.ts'); // brings what the offline commands need not load
      end(await run(config, surroundings));
    },
  );
  addConfigFlags(
    command('scan', 'scan once, and print what is there').option('--json', 'one JSON entry a line'),
    lookOptions,
  ).action(async (flags: Flags) =>
    end(await scan(await look(flags), { json: flags['json'] === true }, surroundings)),
  );
  addBaselineCommands(command, look, surroundings, end);
  addConfigFlags(
    command('doctor', 'say what this host lacks, each with the cure; reads everything in scope'),
  ).action(async (flags: Flags) => {
    const { doctor } = await import('./doctor.ts');
    end(await doctor(sources(flags), surroundings));
  });
  addConfigFlags(command('aide-config', 'print the configuration that AIDE is run with'), [
    'hostRoot',
    'scopeFile',
    'aideBinary',
  ]).action(async (flags: Flags) => end(await printAideConfig(await look(flags), surroundings)));
  const version = `holdfast-agent ${versionLine}`;
  command('version', 'print the version').action(() => printLines(stdout, [version]));
  program.version(version, '--version', 'print the version');
  return program.helpOption('-h, --help', 'this text').helpCommand(false);
}

function addBaselineCommands(
  command: (name: string, description: string) => Command,
  look: (flags: Flags) => ReturnType<typeof readConfig>,
  surroundings: Surroundings,
  end: (code: ExitCode) => void,
): void {
  const withBaseline = (name: string, description: string): Command =>
    command(name, description).requiredOption('--baseline <FILE>', 'the baseline file');
  const baselineOf = (flags: Flags): string => String(flags['baseline']);

  addConfigFlags(
    withBaseline('init', 'scan once, and write the baseline file').option('--force', 'replace what is there'),
    lookOptions,
  ).action(async (flags: Flags) => {
    const force = flags['force'] === true;
    end(await init(await look(flags), { baseline: baselineOf(flags), force }, surroundings));
  });
  addConfigFlags(
    withBaseline('check', 'compare with the baseline file: 0 same, 2 drift, 1 error or unknown').option(
      '--json',
      'one JSON finding a line',
    ),
    lookOptions,
  ).action(async (flags: Flags) => {
    const json = flags['json'] === true;
    end(await check(await look(flags), { baseline: baselineOf(flags), json }, surroundings));
  });
  addConfigFlags(
    withBaseline('update', 'accept what changed into the baseline file').option(
      '--path <GLOB...>',
      'only the paths that match (may be repeated)',
    ),
    lookOptions,
  ).action(async (flags: Flags) => {
    const paths = (flags['path'] as string[] | undefined) ?? null;
    end(await update(await look(flags), { baseline: baselineOf(flags), paths }, surroundings));
  });
}

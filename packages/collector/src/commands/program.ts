import type { Writable } from 'node:stream';
import { Command } from 'commander';
import { versionLine } from '../version.ts';
import { auditCommand } from './audit.ts';
import { backupCommand } from './backup.ts';
import { doctorCommand } from './doctor.ts';
import { restoreCommand } from './restore.ts';
import { serveCommand } from './serve.ts';
import { sweepCommand } from './sweep.ts';
import { tokenCommand } from './token.ts';

/** What a command may touch of the process that runs it. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What runs this program: the interpreter, and the arguments before the command. */
  readonly self: readonly [string, ...string[]];
  /** Aborted when the process is asked to stop. */
  readonly stop: AbortSignal;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Parsing throws what a command throws, and a CommanderError for wrong usage and after --help. */
export function createProgram(context: CommandContext): Command {
  const version = `holdfast-collector ${versionLine}`;
  const program = new Command('holdfast-collector')
    .description('Holds the baselines of nodes, decides what is drift, and shows it.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    });
  program.addCommand(serveCommand(context).copyInheritedSettings(program));
  program.addCommand(tokenCommand(context, program).copyInheritedSettings(program));
  program.addCommand(auditCommand(context, program).copyInheritedSettings(program));
  program.addCommand(backupCommand(context).copyInheritedSettings(program));
  program.addCommand(doctorCommand(context).copyInheritedSettings(program));
  program.addCommand(restoreCommand(context).copyInheritedSettings(program));
  program.addCommand(sweepCommand(context).copyInheritedSettings(program));
  program
    .command('version')
    .description('Print the version.')
    .action(() => void context.stdout.write(`${version}\n`));
  program.version(version, '--version', 'Print the version.');
  return program;
}

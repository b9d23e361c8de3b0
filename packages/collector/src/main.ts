/** The program `holdfast-collector`: arguments, environment and signals in, exit code out. */
import { CommanderError } from 'commander';
import { createProgram } from './commands/program.ts';

const stop = new AbortController();
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  // The first one asks to stop; who sends a second one does not want to wait.
  process.on(signal, () => (stop.signal.aborted ? process.exit(exitCode) : stop.abort()));
}

const program = createProgram({
  environment: process.env,
  self: [process.execPath, ...process.execArgv, process.argv[1]!],
  stop: stop.signal,
  stdout: process.stdout,
  stderr: process.stderr,
});
// Not awaited: the bundle is CommonJS, which cannot at the top level.
program.parseAsync(process.argv).then(() => (process.exitCode = 0), fail);

function fail(error: unknown): void {
  // Commander has told the user already.
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    process.stderr.write(`holdfast-collector: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

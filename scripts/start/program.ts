/** One of the two programs as a child process: its log goes to a file, its warnings to the terminal. */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Program {
  readonly name: string;
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Resolves when the process has ended, with a sentence that says how. */
  readonly ended: Promise<string>;
  /** Asks it to stop, waits, and after `graceMs` kills it. */
  stop(graceMs: number): Promise<void>;
}

const warnLevel = 40;

export function startProgram(
  name: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  logFile: string,
  say: (line: string) => void,
): Program {
  // In a group of its own: Ctrl-C reaches this process alone, which then stops the programs in order.
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const log = createWriteStream(logFile, { flags: 'w', mode: 0o600 });
  log.on('error', (error) => say(`${name}: its log cannot be written: ${error.message}`));

  createInterface({ input: child.stdout }).on('line', (line) => {
    log.write(`${line}\n`);
    const warning = warningIn(line);
    if (warning !== null) say(`${name}: ${warning}`);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.write(`${line}\n`);
    say(`${name}: ${line}`);
  });

  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`${name} could not be started: ${error.message}`));
    child.on('close', (code, signal) => {
      log.end();
      resolve(`${name} ended with ${signal ?? `exit code ${code}`}`);
    });
  });

  return {
    name,
    pid: child.pid,
    ended,
    async stop(graceMs) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The message of a log line at level warn or above; null for other lines. */
function warningIn(line: string): string | null {
  try {
    const entry = JSON.parse(line) as {
      level?: unknown;
      msg?: unknown;
      reason?: unknown;
      err?: { message?: unknown };
    };
    if (typeof entry.level !== 'number' || entry.level < warnLevel) return null;
    const because = entry.err?.message ?? entry.reason;
    return `${String(entry.msg)}${typeof because === 'string' ? `: ${because}` : ''}`;
  } catch {
    return line; // not a log line: a crash, or a complaint about the configuration
  }
}

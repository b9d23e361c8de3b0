import type { Writable } from 'node:stream';
import type { Log } from '../observe/options.ts';

/** A log for commands that people run: warnings and errors as plain lines, the rest left out. */
export function personLog(stderr: Writable): Log {
  const say = (details: object, message: string): void => {
    const { err, ...rest } = details as { err?: unknown };
    const cause = err instanceof Error ? `: ${err.message}` : '';
    const facts = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    stderr.write(`holdfast-agent: ${[message + cause, ...facts].join(' ')}\n`);
  };
  const silent = (): void => {};
  return { debug: silent, info: silent, warn: say, error: say };
}

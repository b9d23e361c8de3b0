/**
 * One `npm start` a directory. A file in it names the process that holds it and the two programs: a second start is
 * refused with a cure, and the programs of a start that was killed, which live on without it, are ended by the next.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Claim {
  /** Names a program that the next start is to end if this process cannot. */
  note(pid: number): void;
  release(): void;
}

/** A number alone does not say which process: numbers are used again. */
interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startedAt: string;
}

const stopGraceMs = 10_000;
const pollMs = 50;

/** Throws if another `npm start` holds `directory`. */
export async function claimDirectory(directory: string, say: (line: string) => void): Promise<Claim> {
  const file = join(directory, 'processes');
  const [holder, ...programs] = namedIn(file);
  if (holder !== undefined && isRunning(holder))
    throw new Error(
      `npm start already runs on ${directory}, as process ${holder.pid}; stop it first (kill ${holder.pid}), ` +
        'or give this one a HOLDFAST_DATA_DIR and a HOLDFAST_LISTEN of its own',
    );
  for (const program of programs.filter(isRunning)) {
    say(`holdfast: ending process ${program.pid}, left behind by an npm start that was killed`);
    await end(program);
  }
  const named = [process.pid];
  const write = () =>
    writeFileSync(file, named.map((pid) => `${pid} ${startOf(pid) ?? 'ended'}\n`).join(''), { mode: 0o600 });
  write();
  return {
    note(pid) {
      named.push(pid);
      try {
        write();
      } catch (error) {
        say(`holdfast: cannot write ${file}: ${(error as Error).message}`); // no reason to stop
      }
    },
    release: () => rmSync(file, { force: true }),
  };
}

function namedIn(file: string): ProcessIdentity[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return Array.from(text.matchAll(/^(\d+) (\d+)$/gm), ([, pid, startedAt]) => ({
    pid: Number(pid),
    startedAt: startedAt!,
  }));
}

function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  return startOf(pid) === startedAt;
}

/** Null if there is no such process, or it has ended and only its parent has not asked yet. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3 on: the name may hold anything
    return fields[0] === 'Z' ? null : fields[19]!;
  } catch {
    return null;
  }
}

async function end(program: ProcessIdentity): Promise<void> {
  process.kill(program.pid, 'SIGTERM');
  for (let waitedMs = 0; isRunning(program); waitedMs += pollMs) {
    if (waitedMs >= stopGraceMs) process.kill(program.pid, 'SIGKILL');
    await sleep(pollMs);
  }
}

/**
 * Says on disk which AIDE is running, so that the next agent ends one that outlived its own. The kernel ends it with the
 * agent where `setpriv --pdeathsig` is there; this is for where it is not.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const fileName = 'aide-running';

export interface RunningMark {
  remove(): void;
}

/** `pid` leads its process group. Never throws: without the mark, AIDE runs to its end or its time limit. */
export function markRunning(stateDirectory: string, pid: number): RunningMark {
  const path = join(stateDirectory, fileName);
  try {
    writeFileSync(path, `${pid} ${startOf(pid)}\n`, { mode: 0o600 });
  } catch {
    return { remove: () => {} };
  }
  return { remove: () => rmSync(path, { force: true }) };
}

/** Whether there was one that still ran. A process that only has the same id is left alone. */
export function endLeftRunning(stateDirectory: string): boolean {
  const path = join(stateDirectory, fileName);
  let pid = 0;
  let start = '';
  try {
    const [idText = '', startText = ''] = readFileSync(path, 'latin1').trim().split(' ');
    pid = Number.parseInt(idText, 10);
    start = startText;
  } catch {
    return false;
  }
  const isIt = pid > 1 && start !== '' && startOf(pid) === start;
  if (isIt) killGroup(pid);
  rmSync(path, { force: true });
  return isIt;
}

/** For certain: no process can put off this signal. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** When the process started, in ticks since boot; empty if there is none. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

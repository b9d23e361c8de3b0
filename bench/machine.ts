/** The facts of the machine without which a figure says nothing. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Table } from './table.ts';

export function machineFacts(): Table {
  return {
    title: 'machine',
    columns: ['what', 'value'],
    rows: [
      ['processor', cpus()[0]?.model ?? 'unknown'],
      ['cores that this process may use', String(availableParallelism())],
      ['memory', `${Math.round(totalmem() / 2 ** 20)} MiB`],
      ['kernel', release()],
      ['node', process.version],
      ['openssl of node', process.versions.openssl],
      ['openssl', firstLine('openssl', 'version')],
      ['aide', firstLine('aide', '--version')],
    ],
  };
}

function firstLine(command: string, ...args: string[]): string {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 5000 });
  if (error) return 'not here';
  return (stdout || stderr).split('\n')[0] ?? '';
}

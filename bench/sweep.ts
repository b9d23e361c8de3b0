/** The metadata sweep: lstat of everything in scope, compared with what the last read found. */
import { Scanner } from '@holdfast/agent/observe/scanner';
import type { Bench } from './bench.ts';
import { scanOptions, trees } from './four-trees.ts';
import { spread } from './table.ts';

const sweeps = 30;

export const bench: Bench = {
  async run() {
    await using scanner = new Scanner(scanOptions);
    const { entries } = await scanner.fullScan();
    const times: number[] = [];
    const cpu: number[] = [];
    for (let i = 0; i < sweeps; i++) {
      const before = process.cpuUsage();
      times.push((await scanner.metadataSweep()).durationMs);
      const { user, system } = process.cpuUsage(before);
      cpu.push((user + system) / 1000);
    }
    return [
      {
        title: `metadata sweep, warm: ${trees.join(' ')}: ${entries} entries, ${sweeps} sweeps`,
        columns: ['what', 'min ms', 'median ms', 'max ms'],
        rows: [
          ['time', ...spread(times)],
          ['processor time', ...spread(cpu)],
        ],
      },
    ];
  },
};

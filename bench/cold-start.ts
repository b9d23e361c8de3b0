/** From the start of the process to the first scan's result, over an empty tree: what a command costs by itself. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentParts, bundleAgent } from '../scripts/build/bundle-agent.ts';
import { makeSingleExecutable } from '../scripts/build/single-executable.ts';
import type { Bench } from './bench.ts';
import { spread } from './table.ts';

/** USER_HZ, which Linux has fixed at 100 for programs. */
const millisPerTick = 10;
const runs = { short: 20, long: 100 } as const;

export const bench: Bench = {
  async run({ long, say }) {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-cold-start-'));
    try {
      const scope = join(directory, 'scope.yaml');
      await mkdir(join(directory, 'tree'));
      await writeFile(scope, `version: 1\npaths:\n  - path: ${join(directory, 'tree')}\n`);
      const { file } = await bundleAgent(directory);
      const executable = join(directory, 'holdfast-agent');
      say('making the executable');
      await makeSingleExecutable(await agentParts(), executable);
      const scan = ['scan', '--scope-file', scope];
      const rows = (
        [
          ['the executable', [executable, ...scan]],
          ['node and the bundle', [process.execPath, file, ...scan]],
          ['node by itself', [process.execPath, '-e', '0']],
        ] as const
      ).map(([what, command]) => [what, ...timesOf(command, long ? runs.long : runs.short)]);
      return [
        {
          title: 'start to result of a scan of an empty tree, files in the page cache',
          columns: ['', 'least ms', 'median ms', 'processor ms a run'],
          rows,
          notes: ['The requirement is 150 ms for the executable.'],
        },
      ];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

function timesOf([command, ...args]: readonly string[], count: number): number[] {
  const wall: number[] = [];
  const ticksBefore = childTicks();
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const { status, stderr } = spawnSync(command!, args, { env: {}, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
    wall.push(performance.now() - startedAt);
  }
  const [least, median] = spread(wall);
  return [least, median, ((childTicks() - ticksBefore) * millisPerTick) / count];
}

/** User and system time of the children that have ended. */
function childTicks(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[13]) + Number(fields[14]);
}

/**
 * What AIDE costs through the agent, beside AIDE by itself with the same configuration and database; what the agent's own
 * memory grows by while AIDE reports 50,000 new files; and the page cache that a run leaves in a control group.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAide } from '@holdfast/agent/aide/find-aide';
import { lookWithAide } from '@holdfast/agent/aide/look-with-aide';
import { aideConfig } from '@holdfast/shared/aide-config';
import type { Bench } from './bench.ts';
import { scanOptions } from './four-trees.ts';
import { memoryGroup } from './memory-group.ts';
import { spread, type Table } from './table.ts';

const rounds = { short: 3, long: 9 } as const;
const reportedFiles = 50_000;
const timeLimitMs = 600_000;
/** USER_HZ, which Linux has fixed at 100 for programs. */
const msPerTick = 10;
const groupMib = 2048;

type Setup = Awaited<ReturnType<typeof prepare>>;

export const bench: Bench = {
  async run({ long, say }) {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-aide-run-'));
    try {
      const setup = await prepare(directory);
      if (setup === null) return [{ title: 'AIDE', columns: ['not measured'], rows: [['aide is not here']] }];
      say('cost of a run');
      const cost = await measureCost(setup, long ? rounds.long : rounds.short);
      say(`memory with a report of ${reportedFiles} files`);
      const memory = await measureMemory(setup);
      say('page cache');
      return [cost, memory, measurePageCache()];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function prepare(directory: string) {
  const search = { binary: null, searchPath: process.env['PATH'] ?? '' };
  const found = await findAide(search, AbortSignal.timeout(60_000));
  if (found.kind !== 'found') return null;
  return { directory, aide: found.aide };
}

async function measureCost(setup: Setup & object, count: number): Promise<Table> {
  const { directory, aide } = setup;
  const config = configOf(setup, scanOptions.scope.scope.paths, '/');
  const baseline = join(directory, 'baseline');
  runAlone(aide.program.path, config, '--init', '/dev/null', baseline);
  const alone: Cost[] = [];
  const through: Cost[] = [];
  for (let i = 0; i < count; i++) {
    const run = () => runAlone(aide.program.path, config, '--update', baseline, join(directory, 'new'));
    alone.push(await costOf(() => Promise.resolve(run())));
    through.push(await costOf(() => runThrough(setup, config, '/', baseline)));
  }
  const row = (name: string, costs: readonly Cost[]) => {
    const [cpu, wall] = [spread(costs.map(({ cpuMs }) => cpuMs)), spread(costs.map(({ wallMs }) => wallMs))];
    return [
      name,
      cpu[1],
      wall[1],
      cpu[1] / middle(alone, 'cpuMs'),
      wall[1] / middle(alone, 'wallMs'),
    ] as const;
  };
  return {
    title: `AIDE over the four trees, medians of ${count} runs`,
    columns: ['what', 'processor ms', 'wall ms', 'times processor', 'times wall'],
    rows: [row('AIDE by itself', alone), row('through the agent', through)],
    notes: ['Through the agent: report and new database read and hashed; both processes together.'],
  };
}

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

function middle(costs: readonly Cost[], of: keyof Cost): number {
  return spread(costs.map((cost) => cost[of]))[1];
}

/** Of this process and of those that it has waited for. */
async function costOf(act: () => Promise<unknown>): Promise<Cost> {
  const ticks = (): number => {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[13]) + Number(fields[14]);
  };
  const [own, children, start] = [process.cpuUsage(), ticks(), performance.now()];
  await act();
  const { user, system } = process.cpuUsage(own);
  return {
    cpuMs: (user + system) / 1000 + (ticks() - children) * msPerTick,
    wallMs: performance.now() - start,
  };
}

function configOf({ aide }: Setup & object, paths: { path: string }[], hostRoot: string): string {
  return aideConfig({ scope: { version: 1, paths }, dialect: aide.dialect, hostRoot, mounts: [] });
}

/** Without a wrapper, at the priority of this process. */
function runAlone(aide: string, config: string, action: string, baseline: string, database: string): void {
  const files = [openSync(baseline, 'r'), openSync('/dev/null', 'w'), openSync(database, 'w')];
  const { status, stderr } = spawnSync(aide, ['--config=-', action], {
    input: config,
    stdio: ['pipe', 'ignore', 'pipe', ...files],
  });
  for (const file of files) closeSync(file);
  if (status === null || status > 7) throw new Error(`aide ${action}: exit ${status}\n${String(stderr)}`);
}

async function runThrough(
  setup: Setup & object,
  config: string,
  hostRoot: string,
  baselinePath: string | null,
) {
  await using baseline = baselinePath === null ? null : await open(baselinePath, 'r');
  await using database = await open(join(setup.directory, 'through'), 'w+');
  const { program } = setup.aide;
  const signal = new AbortController().signal;
  const stateDirectory = setup.directory;
  return await lookWithAide({
    program,
    config,
    hostRoot,
    baseline,
    database,
    timeLimitMs,
    stateDirectory,
    signal,
  });
}

async function measureMemory(setup: Setup & object): Promise<Table> {
  const root = join(setup.directory, 'root');
  await mkdir(join(root, 'tree'), { recursive: true });
  const config = configOf(setup, [{ path: '/tree' }], root);
  const baseline = join(setup.directory, 'small');
  runAlone(setup.aide.program.path, config, '--init', '/dev/null', baseline);
  for (let i = 0; i < reportedFiles; i++) {
    if (i % 1000 === 0) await mkdir(join(root, 'tree', `directory-${i}`));
    writeFileSync(
      join(root, 'tree', `directory-${i - (i % 1000)}`, `a-file-with-a-name-of-some-length-${i}`),
      '',
    );
  }
  const before = anonymousMib();
  let peak = before;
  const sampling = setInterval(() => (peak = Math.max(peak, anonymousMib())), 5);
  const { report } = await runThrough(setup, config, root, baseline);
  clearInterval(sampling);
  const added = report.problem === null ? report.counts.added : report.problem;
  return {
    title: 'the agent’s own memory while AIDE reports',
    columns: ['reported as added', 'before MiB', 'peak MiB', 'grew by MiB'],
    rows: [[added, before, peak, peak - before]],
    notes: ['RssAnon; the requirement is 20 MiB.'],
  };
}

function anonymousMib(): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

function measurePageCache(): Table {
  const title = 'page cache in the agent’s control group, four trees read from a cold cache';
  const refusal = (reason: string): Table => ({ title, columns: ['not measured'], rows: [[reason]] });
  if (process.getuid?.() !== 0) return refusal('only root may drop the caches');
  using group = memoryGroup(groupMib);
  if (!group) return refusal('no memory controller is mounted where this process may make a group');
  spawnSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  const { status, stdout, stderr } = spawnSync(
    '/bin/sh',
    [
      '-c',
      'echo $$ > "$1"; exec "$2" "$3"',
      'sh',
      group.membersFile,
      process.execPath,
      join(import.meta.dirname, 'page-cache-process.ts'),
    ],
    { encoding: 'utf8', timeout: timeLimitMs },
  );
  if (status !== 0) return refusal(stderr.trim().split('\n').at(-1) ?? '');
  const { afterScanMib, givenBackMib, place } = JSON.parse(stdout) as {
    afterScanMib: number;
    givenBackMib: number;
    place: string | null;
  };
  return {
    title,
    columns: ['when', 'MiB'],
    rows: [
      ['after the scan', afterScanMib],
      ['after it was given back', givenBackMib],
    ],
    notes: [place === null ? 'The kernel did not let us give it back.' : `Given back by ${place}.`],
  };
}

/** A bundle carries the thread in it, and the thread finds SQLite's addon beside the bundle. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { closeConnections, untilReady } from './harness/api.ts';
import { freePort, startCollectorProcess } from './harness/process.ts';
import { SyntheticAgent } from './harness/synthetic-agent.ts';
import { syntheticFleet } from './harness/synthetic-fleet.ts';
import { waitFor } from './harness/wait.ts';

after(closeConnections);

/** Of the thread, as Linux shortens it. */
const threadName = 'holdfast-checkp';

test('a collector as it ships carries its log over on a thread of its own', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-checkpoint-'));
  const collector = startCollectorProcess(dataDir, await freePort());
  try {
    await untilReady(collector.url);
    // Of nodes whose entries no other has, three bring more pages than the log is left with.
    for (const node of syntheticFleet({ nodes: 4, entries: 40_000, own: 40_000 })) {
      await new SyntheticAgent(collector.url, node).converge();
    }
    await waitFor('the thread', async () => (await threadsOf(collector.pid)).includes(threadName));
  } finally {
    await collector[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
});

async function threadsOf(pid: number): Promise<string[]> {
  const tasks = `/proc/${pid}/task`;
  const names = (await readdir(tasks)).map((id) => readFile(join(tasks, id, 'comm'), 'utf8'));
  return (await Promise.all(names)).map((name) => name.trim());
}

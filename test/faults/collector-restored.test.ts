import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, closeConnections, untilReady } from '../harness/api.ts';
import { freePort, operatorToken, startCollectorCommand, startCollectorProcess } from '../harness/process.ts';
import { SyntheticAgent } from '../harness/synthetic-agent.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { waitFor } from '../harness/wait.ts';

const interrupted = 5;

after(closeConnections);

test('after an older backup is restored, agents converge, and what was accepted since stands as drift again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-restore-'));
  const dataDir = join(directory, 'data');
  const backups = join(directory, 'backups');
  const port = await freePort();
  const start = (env: NodeJS.ProcessEnv = {}) => startCollectorProcess(dataDir, port, env);
  let collector = start({
    HOLDFAST_BACKUP_DIR: backups,
    HOLDFAST_BACKUP_CRON: '*/2 * * * * *',
    HOLDFAST_BACKUP_KEEP: '2',
  });
  const { url } = collector;
  try {
    await untilReady(url);
    const agents = syntheticFleet({ nodes: 3, entries: 300, own: 30 }).map(
      (node) => new SyntheticAgent(url, node),
    );
    for (const agent of agents) await agent.converge();
    await waitFor('the schedule to make backups and drop the oldest', async () => {
      const text = (await call(url, '/metrics')).text;
      const made = Number(/^holdfast_backup_last_success_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
      return made > 0 && (await finishedBackups(backups)).length === 2;
    });
    collector.kill('SIGTERM');
    assert.equal(await collector.ended, 0);
    const backup = join(directory, 'by-hand.db');
    assert.deepEqual(await run(dataDir, ['backup', backup, '--min-free-mib', '0']), 0);

    collector = start();
    await untilReady(url);
    const [drifting] = agents;
    const name = drifting!.node.name;
    drifting!.node.change(3, 'accepted after the backup');
    await drifting!.converge();
    assert.equal((await standing(url, name)).length, 1);
    const accepted = await call(url, `/api/v1/nodes/${name}/baseline`, {
      method: 'POST',
      token: operatorToken,
    });
    assert.equal(accepted.status, 200);
    assert.equal((await standing(url, name)).length, 0);
    const epoch = await epochOf(drifting!);
    collector.kill('SIGTERM');
    await collector.ended;

    for (let i = 0; i < interrupted; i++) await interruptRestore(dataDir, backup, 150 + i * 60);
    assert.equal(await run(dataDir, ['restore', backup]), 0);

    collector = start();
    await untilReady(url);
    for (const agent of agents) await agent.converge();
    assert.notEqual(await epochOf(drifting!), epoch);
    assert.equal(
      (await standing(url, name)).length,
      1,
      'nothing was accepted that the backup did not know of',
    );
    for (const { node } of agents.slice(1)) assert.equal((await standing(url, node.name)).length, 0);
  } finally {
    await collector[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
});

/** Whenever it is killed, a whole database is there, the old one or the new one, and a collector opens it. */
async function interruptRestore(dataDir: string, backup: string, afterMs: number): Promise<void> {
  const restore = program(dataDir, ['restore', backup]);
  await sleep(afterMs);
  restore.kill('SIGKILL');
  await restore.ended;
  assert.equal(await run(dataDir, ['token', 'list']), 0);
  const port = await freePort();
  await using collector = startCollectorProcess(dataDir, port);
  await untilReady(collector.url);
  const { body } = await call<{ nodes: unknown[] }>(collector.url, '/api/v1/nodes', { token: operatorToken });
  assert.equal(body.nodes.length, 3);
  collector.kill('SIGTERM');
  await collector.ended;
}

function program(dataDir: string, args: readonly string[]) {
  return startCollectorCommand(args, {
    HOLDFAST_DATA_DIR: dataDir,
  });
}

async function run(dataDir: string, args: readonly string[]) {
  const running = program(dataDir, args);
  const exit = await running.ended;
  if (exit !== 0) throw new Error(`${args.join(' ')}: ${running.output()}`);
  return exit;
}

async function finishedBackups(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.endsWith('.db'));
}

async function standing(url: string, node: string): Promise<unknown[]> {
  const { body } = await call<{ drift: unknown[] }>(url, `/api/v1/nodes/${node}/drift`, {
    token: operatorToken,
  });
  return body.drift;
}

async function epochOf(agent: SyntheticAgent): Promise<string> {
  const reply = await agent.send(agent.node.probe());
  return (reply.body as { epoch: string }).epoch;
}

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, statfs, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Problem } from '@holdfast/shared/wire';
import { call, closeConnections, untilReady } from '../harness/api.ts';
import { freePort, operatorToken, startCollectorProcess } from '../harness/process.ts';
import { postReport, SyntheticAgent } from '../harness/synthetic-agent.ts';
import { syntheticFleet } from '../harness/synthetic-fleet.ts';
import { waitFor } from '../harness/wait.ts';
import { needMount } from '../need.ts';

after(closeConnections);

test('a collector on a full disk says so, changes nothing, and goes on when there is space', {
  skip: needMount(),
}, async () => {
  const disk = await mkdtemp(join(tmpdir(), 'holdfast-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'holdfast-test', disk]);
  const port = await freePort();
  const collector = startCollectorProcess(join(disk, 'data'), port, { HOLDFAST_MIN_FREE_MIB: '0' });
  try {
    await untilReady(collector.url);
    const [node] = syntheticFleet({ nodes: 1, entries: 2000, own: 500 });
    const agent = new SyntheticAgent(collector.url, node!);
    await agent.converge();
    const acknowledged = node!.base;

    const filler = join(disk, 'filler');
    await fillDisk(disk, filler);
    const entries = Array.from({ length: 500 }, (_, i) => node!.change(i, `new ${i}`));
    const report = node!.difference(entries);
    const refused = await waitFor('the disk to be full for the collector', async () => {
      const reply = await postReport(collector.url, node!.name, report);
      return reply.status === 503 && reply;
    });
    assert.equal((refused.body as unknown as Problem).code, 'storage-unavailable');
    assert.match(String(refused.headers['retry-after']), /^\d+$/);
    assert.equal((await call(collector.url, '/readyz')).status, 503);
    const held = await call<{ observed: string }>(collector.url, `/api/v1/nodes/${node!.name}`);
    assert.equal(held.body.observed, acknowledged);

    await truncate(filler, 0);
    await unlink(filler);
    await waitFor(
      'the report to be taken',
      async () => (await postReport(collector.url, node!.name, report)).status === 200,
    );
    await waitFor(
      'the collector to be ready',
      async () => (await call(collector.url, '/readyz')).status === 200,
    );
  } finally {
    await collector[Symbol.asyncDispose]();
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true, force: true });
  }
});

test('a collector whose disk is nearly full puts off what is new, keeps its promises, and goes on when there is space', {
  skip: needMount(),
}, async () => {
  const disk = await mkdtemp(join(tmpdir(), 'holdfast-nearly-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'holdfast-test', disk]);
  const collector = startCollectorProcess(join(disk, 'data'), await freePort(), {
    HOLDFAST_MIN_FREE_MIB: '8',
  });
  try {
    const { url } = collector;
    await untilReady(url);
    const [node] = syntheticFleet({ nodes: 1, entries: 500, own: 50 });
    const agent = new SyntheticAgent(url, node!);
    await agent.converge();
    node!.change(1, 'drift');
    await agent.converge();

    const filler = join(disk, 'filler');
    await fillDisk(disk, filler, 4 * 1024 * 1024);
    await waitFor('the disk to be nearly full for the collector', async () =>
      /^holdfast_disk_nearly_full 1$/m.test((await call(url, '/metrics')).text),
    );
    const report = node!.difference([node!.change(2, 'new')]);
    const refused = await postReport(url, node!.name, report);
    assert.equal(refused.status, 503);
    assert.equal((refused.body as unknown as Problem).code, 'disk-nearly-full');
    assert.match(String(refused.headers['retry-after']), /^\d+$/);
    const heartbeat = { ...report, sequence: report.sequence + 1, upserts: [], result: node!.base };
    assert.equal((await postReport(url, node!.name, heartbeat)).status, 200, 'a heartbeat is taken');
    const accepted = await call<{ accepted: number }>(url, `/api/v1/nodes/${node!.name}/baseline`, {
      method: 'POST',
      token: operatorToken,
    });
    assert.equal(accepted.body.accepted, 1, 'an operator can still act');

    await unlink(filler);
    const again = { ...report, sequence: report.sequence + 2 };
    await waitFor(
      'the report to be taken',
      async () => (await postReport(url, node!.name, again)).status === 200,
    );
  } finally {
    await collector[Symbol.asyncDispose]();
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true, force: true });
  }
});

/** Leaves `left` bytes free on the file system of `directory`. */
async function fillDisk(directory: string, filler: string, left = 0): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  await writeFile(filler, Buffer.alloc(bavail * bsize - left));
}

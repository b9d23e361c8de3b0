/** Callers that hold connections: too slow, too many, or without ever saying what they want. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { httpLimits, prepareServer } from '@holdfast/collector/http-server';
import { createLog } from '@holdfast/collector/log';
import { call, closeConnections, untilReady } from '../harness/api.ts';
import { freePort, startCollectorProcess } from '../harness/process.ts';
import { waitFor } from '../harness/wait.ts';

after(closeConnections);

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('a caller that is too slow', () => {
  it('loses its connection: with a head that never ends, a body that never ends, or no word at all', async () => {
    const limits = { ...httpLimits, headersMs: 300, requestMs: 600, checkMs: 50 };
    using prepared = await prepareServer(null, createLog('silent', process.stderr), limits);
    const server = prepared.factory((request, response) => {
      request.on('error', () => {});
      request.resume().on('end', () => response.end());
    }, {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const head = 'POST /x HTTP/1.1\r\nHost: x\r\n';
    try {
      for (const first of [head, `${head}Content-Length: 100000\r\n\r\n`, '']) {
        const socket = await open(port);
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.resume().write(first);
        const startedAt = performance.now();
        const drip = setInterval(() => socket.write(first.endsWith('\r\n\r\n') ? 'x' : 'X-A: b\r\n'), 50);
        if (first === '') clearInterval(drip);
        socket.on('error', () => {});
        await closed;
        clearInterval(drip);
        assert.ok(performance.now() - startedAt < 10_000);
      }
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('thousands of connections', () => {
  const many = 10_000;

  it('leave the collector answering, in bounded memory, and go when they say nothing', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-many-'));
    const sockets: Socket[] = [];
    try {
      await using collector = startCollectorProcess(directory, await freePort());
      await untilReady(collector.url);
      const port = Number(new URL(collector.url).port);
      const before = residentMib(collector.pid);
      while (sockets.length < many) {
        const opened = await Promise.all(Array.from({ length: 500 }, () => open(port)));
        for (const socket of opened) socket.on('error', () => {});
        sockets.push(...opened);
      }
      // On a busy machine the first are closed again before the last are open.
      assert.ok(descriptors(collector.pid) > many / 2, `${descriptors(collector.pid)} are open`);
      for (const path of ['/healthz', '/readyz', '/api/v1/nodes', '/metrics'])
        assert.equal((await call(collector.url, path)).status, 200, path);
      const grown = residentMib(collector.pid) - before;
      t.diagnostic(`${many} idle connections: ${grown.toFixed(0)} MiB`);
      assert.ok(grown < 250, `${grown} MiB`);
      await waitFor('the idle connections to be closed', async () => {
        await sleep(500);
        return descriptors(collector.pid) < 200;
      });
    } finally {
      for (const socket of sockets) socket.destroy();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

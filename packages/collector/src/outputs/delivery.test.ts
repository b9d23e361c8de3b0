import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { waitFor } from '../../../../test/harness/wait.ts';
import { openHttpClient } from '../http-client.ts';
import { Delivery } from './delivery.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { groupPath, Pushgateway } from './pushgateway.ts';
import { maxTextCharacters, Webhook } from './webhook.ts';

async function other(answer: (count: number, response: ServerResponse) => void) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(bodies.push(body), response));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`);
  return { bodies, url, [Symbol.dispose]: close };
}

function parts() {
  const registry = new Registry();
  const http = openHttpClient();
  const limits = { waiting: 3, retries: { tries: 3, minMs: 1, maxMs: 2 }, stopMs: 200, timeoutMs: 1000 };
  const log = pino({ level: 'silent' });
  const metrics = new DeliveryMetrics(registry);
  const count = async (result: string) =>
    new RegExp(`holdfast_deliveries_total\\{output="\\w+",about="stacks",result="${result}"\\} (\\d+)`).exec(
      await registry.metrics(),
    )?.[1];
  return {
    given: { http, log, metrics, limits },
    count,
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

const status = (code: number) => (_count: number, response: ServerResponse) => {
  response.statusCode = code;
  response.end();
};

describe('what is sent to others', () => {
  it('is tried again after 429, 5xx and a network that fails, and given up after the last try', async () => {
    await using made = parts();
    using flaky = await other((count, response) => status([503, 429, 200][count - 1]!)(count, response));
    await using delivery = new Delivery({ ...made.given, output: 'webhook' });
    delivery.send({ method: 'POST', url: flaky.url, body: 'a' });
    await waitFor('it to be sent', async () => (await made.count('sent')) === '1');
    assert.equal(flaky.bodies.length, 3);
    delivery.send({ method: 'POST', url: new URL('http://127.0.0.1:1/'), body: 'b' });
    await waitFor('it to be given up', async () => (await made.count('failed')) === '1');
    using refusing = await other(status(404));
    delivery.send({ method: 'POST', url: refusing.url, body: 'c' });
    await waitFor('it to be refused', async () => (await made.count('refused')) === '1');
    assert.equal(refusing.bodies.length, 1);
  });

  it('waits in a bounded number, the oldest gives way, and a stop takes no longer than it may', async () => {
    await using made = parts();
    using silent = await other(() => {});
    const delivery = new Delivery({ ...made.given, output: 'webhook' });
    const startedAt = performance.now();
    for (let i = 0; i < 10; i++) delivery.send({ method: 'POST', url: silent.url, body: String(i) });
    assert.equal(await made.count('dropped'), '7');
    await delivery[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedAt < 2000);
    assert.deepEqual(silent.bodies, ['0']);
    assert.equal(await made.count('failed'), '3');
  });

  it('is a text for Slack, cut where it is too long, and the whole for programs', async () => {
    await using made = parts();
    using hook = await other(status(200));
    await using webhook = new Webhook(hook.url, made.given);
    webhook.tell({ text: 'x'.repeat(10_000), event: 'sweep', details: { id: 's' } });
    const body = await waitFor('the message', () => hook.bodies[0]);
    const message = JSON.parse(body) as { text: string; event: string; sweep: { id: string } };
    assert.equal(message.text.length, maxTextCharacters);
    assert.deepEqual([message.event, message.sweep.id], ['sweep', 's']);
  });

  it("is not with a Pushgateway that lies behind a proxy's page", async () => {
    await using made = parts();
    using proxy = await other((_count, response) => response.end('<html>'));
    await using gateway = new Pushgateway(proxy.url, made.given);
    gateway.put({ job: 'holdfast_sweep' }, Buffer.from('a 1\n'));
    await waitFor('it to be given up', async () => (await made.count('failed')) === '1');
    assert.equal(proxy.bodies.length, 3);
  });

  it('names a group of the Pushgateway, in base64 where a value needs it', () => {
    assert.equal(groupPath({ job: 'holdfast_sweep' }), '/metrics/job/holdfast_sweep');
    assert.equal(
      groupPath({ job: 'holdfast', labels: { node: 'worker-1', stack: 'a/b', none: '' } }),
      '/metrics/job/holdfast/node/worker-1/stack@base64/YS9i/none@base64/=',
    );
  });
});

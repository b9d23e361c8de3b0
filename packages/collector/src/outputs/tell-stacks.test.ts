/** What the webhook and the Pushgateway are told of stacks, by a real store, through outages, refusals and restarts. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { openTestStore, type TestStore } from '#store/test-node';
import type { SweepEnd } from '#store/sweep-store';
import type { Outcome } from '#sweep/core/stack-result';
import { endOf, resultOf, scopeOf } from '#sweep/test-sweep';
import { waitFor } from '../../../../test/harness/wait.ts';
import { tellSweeps } from '../tell-sweeps.ts';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { groupPath } from './pushgateway.ts';
import { maxTextCharacters, webhookBody } from './webhook.ts';

interface Message {
  readonly text: string;
  readonly sweep: {
    readonly id: string;
    readonly worse?: readonly { readonly kind: string; readonly stack: string }[];
    readonly recovered?: readonly { readonly kind: string; readonly stack: string }[];
  };
}

/** Another service, whose answer can be changed at any time. */
async function listen() {
  const bodies: string[] = [];
  const answer = { status: 200, body: '' };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      response.statusCode = answer.status;
      response.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const messages = () => bodies.map((body) => JSON.parse(body) as Message);
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { bodies, messages, answer, url, [Symbol.dispose]: close };
}

const limits = { lookEveryMs: 20, timeoutMs: 5000, minMs: 1, maxMs: 5, stopMs: 200 };

async function startTelling(opened: TestStore, urls: { webhook?: URL; pushgateway?: URL }) {
  const registry = new Registry();
  const { webhook: webhookUrl = null, pushgateway: pushgatewayUrl = null } = urls;
  const teller = await tellSweeps(
    { webhookUrl, pushgatewayUrl },
    { store: opened.store, log: pino({ level: 'silent' }), metrics: new DeliveryMetrics(registry), limits },
  );
  const count = async (result: string) =>
    Number(
      new RegExp(`holdfast_deliveries_total\\{[^}]*result="${result}"\\} (\\d+)`).exec(
        await registry.metrics(),
      )?.[1],
    );
  return { teller, count, [Symbol.asyncDispose]: () => teller[Symbol.asyncDispose]() };
}

let sweeps = 0;

async function sweep(
  { store }: TestStore,
  stacks: Readonly<Record<string, Outcome>>,
  end: Partial<SweepEnd> = {},
): Promise<string> {
  const at = ++sweeps * 60_000;
  const id = randomUUID();
  const results = Object.entries(stacks).map(([stack, outcome]) =>
    resultOf(stack, outcome, { startedAt: at, durationMs: 1 }),
  );
  await store.sweeps.take({
    start: {
      id,
      trigger: 'push',
      who: 'job',
      reason: null,
      only: null,
      startedAt: at,
      deadlineMs: 1,
      source: '/',
    },
    scope: scopeOf(results.length),
    end: endOf(at + 1, end),
    results,
    digest: id,
    receivedAt: at + 2,
  });
  return id;
}

const kinds = (message: Message) =>
  [...(message.sweep.worse ?? []), ...(message.sweep.recovered ?? [])].map(
    ({ kind, stack }) => `${stack} ${kind}`,
  );

describe('people are told of stacks', () => {
  it('once, of what differs by then, however long the webhook was away', async () => {
    await using opened = await openTestStore();
    using hook = await listen();
    await using telling = await startTelling(opened, { webhook: hook.url });
    hook.answer.status = 503;
    await sweep(opened, { a: 'drift', b: 'pending', c: 'clean' });
    telling.teller.wake();
    await waitFor('many tries', () => hook.bodies.length > 20);
    const second = await sweep(opened, { a: 'drift', b: 'clean', c: 'error' });
    await waitFor('a try that knows of it', () => hook.messages().at(-1)!.sweep.id === second);
    hook.answer.status = 200;
    await waitFor('it to be taken', async () => (await telling.count('sent')) === 1);
    const last = hook.messages().at(-1)!;
    assert.deepEqual([last.sweep.id, kinds(last)], [second, ['a differs', 'c fails']]);
    const heard = hook.bodies.length;
    await sweep(opened, { a: 'drift', b: 'clean', c: 'error' });
    telling.teller.wake();
    await sweep(opened, { a: 'clean', c: 'clean' });
    // Nobody wakes it for this one: another process swept.
    await waitFor('the next', () => hook.bodies.length > heard);
    assert.deepEqual(kinds(hook.messages().at(-1)!), ['b gone', 'a settled', 'c measured-again']);
    assert.equal(hook.bodies.length, heard + 1);
  });

  it('after a crash before it was taken, and not again after one that came later', async () => {
    await using opened = await openTestStore();
    using hook = await listen();
    hook.answer.status = 503;
    const first = await startTelling(opened, { webhook: hook.url });
    await sweep(opened, { a: 'drift' });
    await waitFor('a try', () => hook.bodies.length > 0);
    await first[Symbol.asyncDispose]();
    hook.answer.status = 200;
    hook.bodies.length = 0;
    {
      await using telling = await startTelling(opened, { webhook: hook.url });
      await waitFor('it to be taken', async () => (await telling.count('sent')) === 1);
    }
    await using telling = await startTelling(opened, { webhook: hook.url });
    await sweep(opened, { a: 'drift', b: 'error' });
    telling.teller.wake();
    await waitFor('what is new', () => hook.bodies.length === 2);
    assert.deepEqual(hook.messages().map(kinds), [['a differs'], ['b fails']]);
  });

  it('of a sweep that ends just before the stop', async () => {
    await using opened = await openTestStore();
    using hook = await listen();
    const telling = await startTelling(opened, { webhook: hook.url });
    await sweep(opened, { a: 'drift' });
    telling.teller.wake();
    await telling[Symbol.asyncDispose]();
    assert.deepEqual(hook.messages().map(kinds), [['a differs']]);
  });

  it('not of what stood before the webhook was configured', async () => {
    await using opened = await openTestStore();
    using hook = await listen();
    await sweep(opened, { a: 'drift', b: 'clean' });
    await using telling = await startTelling(opened, { webhook: hook.url });
    await sweep(opened, { a: 'drift', b: 'pending' });
    telling.teller.wake();
    await waitFor('what is new', () => hook.bodies.length > 0);
    assert.deepEqual(hook.messages().map(kinds), [['b differs']]);
  });

  it('in counts alone where the webhook refuses the whole', async () => {
    await using opened = await openTestStore();
    using hook = await listen();
    hook.answer.status = 413;
    await using telling = await startTelling(opened, { webhook: hook.url });
    await sweep(opened, { a: 'drift' });
    telling.teller.wake();
    await waitFor('it to be refused', async () => (await telling.count('refused')) === 1);
    hook.answer.status = 200;
    await waitFor('the counts to be taken', async () => (await telling.count('sent')) === 1);
    const last = hook.messages().at(-1)!;
    assert.match(last.text, /^\*Holdfast sweep\*: 1 worse, 0 recovered \(1 stacks: 1 drift\)$/);
    assert.equal(last.sweep.worse, undefined);
  });

  it('once of a source that nothing can be planned of, until it could be', async () => {
    await using opened = await openTestStore();
    using hook = await listen();
    const failure = { phase: 'checkout', diagnostic: 'git: no such remote' } as const;
    const fail = () => sweep(opened, {}, { phase: 'failed', failure });
    const told: number[] = [];
    for (const end of [fail, fail, () => sweep(opened, { a: 'clean' }), fail]) {
      const telling = await startTelling(opened, { webhook: hook.url });
      await end();
      telling.teller.wake();
      await telling[Symbol.asyncDispose](); // after a last look
      told.push(hook.bodies.length);
    }
    assert.deepEqual(told, [1, 1, 1, 2]);
    for (const { text } of hook.messages()) assert.match(text, /nothing was planned: checkout/);
  });
});

describe('the Pushgateway has the series of stacks', () => {
  it("from the start, after each sweep, and not where a proxy's page came back", async () => {
    await using opened = await openTestStore();
    using gateway = await listen();
    gateway.answer.body = '<html>';
    await sweep(opened, { a: 'drift' });
    await using telling = await startTelling(opened, { pushgateway: gateway.url });
    await waitFor('tries', () => gateway.bodies.length > 3);
    assert.equal(await telling.count('sent'), 0);
    gateway.answer.body = '';
    await waitFor('it to be taken', async () => (await telling.count('sent')) === 1);
    const heard = gateway.bodies.length;
    await sweep(opened, { a: 'clean' });
    telling.teller.wake();
    await waitFor('the next', async () => (await telling.count('sent')) === 2);
    assert.equal(gateway.bodies.length, heard + 1);
    assert.match(gateway.bodies.at(-2)!, /^terragrunt_drift_detected\{stack="a",cause="drift"\} 1$/m);
    assert.match(gateway.bodies.at(-1)!, /^terragrunt_drift_detected\{stack="a",cause="drift"\} 0$/m);
  });

  it('in a group that is named in base64 where a value needs it', () => {
    assert.equal(groupPath({ job: 'holdfast_sweep' }), '/metrics/job/holdfast_sweep');
    assert.equal(
      groupPath({ job: 'holdfast', labels: { node: 'worker-1', stack: 'a/b', none: '' } }),
      '/metrics/job/holdfast/node/worker-1/stack@base64/YS9i/none@base64/=',
    );
  });
});

it('a text for Slack is cut where it is too long, and programs get the whole', () => {
  const body = webhookBody({ text: 'x'.repeat(10_000), event: 'sweep', details: { id: 's' } });
  const message = JSON.parse(body) as Message & { event: string };
  assert.equal(message.text.length, maxTextCharacters);
  assert.deepEqual([message.event, message.sweep.id], ['sweep', 's']);
});

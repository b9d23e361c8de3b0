import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../observe/options.ts';
import { type Page, startHealthServer } from './health-server.ts';

const text = (httpStatus: number, body: string): Page => ({
  httpStatus,
  contentType: 'text/plain',
  text: body,
});
const anyPort = { host: '127.0.0.1', port: 0 };

function recordingLog(): Log & { readonly messages: string[] } {
  const messages: string[] = [];
  const take = (_details: object, message: string): void => void messages.push(message);
  return { messages, debug: take, info: take, warn: take, error: take };
}

test('pages are served with their status, others are 404, writing is refused', async () => {
  const pages = new Map([
    ['/healthz', () => text(503, 'ill')],
    ['/broken', (): Page => assert.fail('a page that fails')],
  ]);
  const log = recordingLog();
  await using server = await startHealthServer({ listen: anyPort, pages, log });
  const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  const page = await get('/healthz?verbose');
  assert.deepEqual([page.status, await page.text()], [503, 'ill']);
  assert.equal((await get('/healthz', 'HEAD')).status, 503);
  assert.equal((await get('/')).status, 404);
  assert.equal((await get('/healthz', 'POST')).status, 405);
  const broken = await get('/broken');
  assert.deepEqual([broken.status, await broken.text()], [500, 'the log says why\n']);
});

test('a port that is taken is told once, and taken over when it is free', async () => {
  const pages = new Map([['/healthz', () => text(200, 'well')]]);
  const log = recordingLog();
  const first = await startHealthServer({ listen: anyPort, pages, log });
  const listen = { host: '127.0.0.1', port: first.port! };
  await using second = await startHealthServer({ listen, pages, log, retryMs: 10 });
  assert.equal(second.port, null);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await first[Symbol.asyncDispose]();
  for (let i = 0; i < 500 && second.port === null; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await fetch(`http://127.0.0.1:${second.port}/healthz`)).status, 200);
  assert.equal(log.messages.filter((message) => message.startsWith('cannot serve')).length, 1);
});

test('a server that waits for its port can be stopped', async () => {
  const log = recordingLog();
  await using first = await startHealthServer({ listen: anyPort, pages: new Map(), log });
  const listen = { host: '127.0.0.1', port: first.port! };
  const second = await startHealthServer({ listen, pages: new Map(), log, retryMs: 10 });
  await second[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

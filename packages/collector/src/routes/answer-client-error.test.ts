import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';
import { answerClientError } from './answer-client-error.ts';

/** Everything that comes back for `sent` until the other side ends. */
function exchange(port: number, sent: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(sent));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}

function assertProblem(answer: string, status: number, code: string): void {
  const [head, body] = answer.split('\r\n\r\n');
  assert.ok(head?.startsWith(`HTTP/1.1 ${status} `), answer);
  assert.match(head!, /^Content-Type: application\/problem\+json$/im);
  const problem = JSON.parse(body!) as Record<string, unknown>;
  assert.deepEqual([problem['status'], problem['code']], [status, code]);
}

describe('what never becomes a request', () => {
  let site: CollectorApp;
  let port: number;
  before(async () => {
    site = await CollectorApp.open();
    port = Number(new URL(await site.app.listen({ host: '127.0.0.1', port: 0 })).port);
  });
  after(() => site[Symbol.asyncDispose]());

  it('is answered with a problem', async () => {
    assertProblem(await exchange(port, 'GARBAGE\r\n\r\n'), 400, 'bad-request');
    const long = `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`;
    assertProblem(await exchange(port, long), 431, 'headers-too-large');
  });

  it('is told when it took too long', async () => {
    const server = createServer({ headersTimeout: 50, connectionsCheckingInterval: 20 });
    server.on('clientError', answerClientError);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const answer = await exchange((server.address() as AddressInfo).port, 'GET / HTTP/1.1\r\n');
      assertProblem(answer, 408, 'request-timeout');
    } finally {
      server.close();
    }
  });
});

/** The collector's API as a test calls it: JSON in, JSON out, nothing hidden. */
import { Agent, request } from 'node:http';
import { longestStallMs, waitFor } from './wait.ts';
import { operatorToken } from './process.ts';

export interface Reply<T = unknown> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: T;
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const keepAlive = new Agent({ keepAlive: true, maxSockets: 512 });

export function call<T = unknown>(url: string, path: string, options: Call = {}): Promise<Reply<T>> {
  const raw = Buffer.isBuffer(options.body) || typeof options.body === 'string' ? options.body : undefined;
  const payload = raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  return new Promise((resolve, reject) => {
    const sent = request(
      new URL(path, url),
      {
        agent: keepAlive,
        method: options.method ?? 'GET',
        timeout: longestStallMs,
        headers: {
          authorization: `Bearer ${options.token ?? operatorToken}`,
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          ...options.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson =
            /json/.test(response.headers['content-type'] ?? '') &&
            !/ndjson/.test(response.headers['content-type'] ?? '');
          const body = (isJson && text !== '' ? JSON.parse(text) : undefined) as T;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${path} in time`)));
    sent.on('error', reject);
    sent.end(payload);
  });
}

export async function untilReady(url: string): Promise<void> {
  await waitFor(`${url} to be ready`, async () => (await call(url, '/readyz')).status === 200);
}

export function closeConnections(): void {
  keepAlive.destroy();
}

/**
 * One kept connection that carries prepared requests, one after the other, as each agent has its own. HTTP clients cost
 * three to seven times as much for each request, beside the collector on the same processors: they would be what is measured.
 */
import { connect, type Socket } from 'node:net';

export interface LoadAnswer {
  readonly status: number;
  readonly body: string;
}

const endOfHead = '\r\n\r\n';

export class LoadConnection implements Disposable {
  readonly #socket: Socket;
  #received = '';
  #waiting: PromiseWithResolvers<LoadAnswer> | null = null;

  static async open(url: string): Promise<LoadConnection> {
    const { hostname: host, port } = new URL(url);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ host, port: Number(port), noDelay: true }, resolve).once('error', reject);
    await promise;
    return new LoadConnection(socket.off('error', reject));
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (chunk: string) => this.#receive(chunk));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.#waiting?.reject(new Error('the collector closed the connection')));
  }

  /** The next may be sent once this is answered. Rejects when the connection is closed before that. */
  send(request: Buffer): Promise<LoadAnswer> {
    this.#waiting = Promise.withResolvers<LoadAnswer>();
    if (this.#socket.destroyed) this.#waiting.reject(new Error('the connection is closed'));
    else this.#socket.write(request);
    return this.#waiting.promise;
  }

  [Symbol.dispose](): void {
    this.#waiting?.promise.catch(() => {}); // ended on purpose
    this.#socket.destroy();
  }

  /** The collector says the length of every answer, but for a 204, which has none. */
  #receive(chunk: string): void {
    this.#received += chunk;
    const head = this.#received.indexOf(endOfHead);
    if (head === -1) return;
    const start = head + endOfHead.length;
    const length = /\r\ncontent-length: (\d+)\r\n/i.exec(this.#received.slice(0, start))?.[1] ?? '0';
    if (this.#received.length < start + Number(length)) return;
    const answer = { status: Number(this.#received.slice(9, 12)), body: this.#received.slice(start) };
    this.#received = '';
    this.#waiting?.resolve(answer);
  }
}

export function prepareRequest(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer = Buffer.alloc(0),
): Buffer {
  const all = { host: 'collector', ...headers, ...(body.length > 0 && { 'content-length': body.length }) };
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.concat([Buffer.from(lines.join('\r\n') + endOfHead), body]);
}

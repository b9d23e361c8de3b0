/** Another service, as the collector sees it: takes requests, and answers as a test tells it to. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Taken {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** `silent`: never answers. `garbage`: answers what is not HTTP. */
export type Behaviour = { readonly status: number; readonly body?: string } | 'silent' | 'garbage';

export class HttpDouble implements AsyncDisposable {
  /** Those that were answered with 2xx. */
  readonly taken: Taken[] = [];
  /** All of them. */
  asked = 0;
  behave: Behaviour | ((request: Taken) => Behaviour) = { status: 200 };
  readonly #server: Server;

  static async start(): Promise<HttpDouble> {
    const double = new HttpDouble();
    double.#server.listen(0, '127.0.0.1');
    await once(double.#server, 'listening');
    return double;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        const taken = { method: request.method ?? '', path: request.url ?? '', body };
        this.asked += 1;
        const behaviour = typeof this.behave === 'function' ? this.behave(taken) : this.behave;
        if (behaviour === 'silent') return;
        if (behaviour === 'garbage') return void request.socket.end('\u0000\u0001 no HTTP at all\r\n\r\n');
        if (behaviour.status < 300) this.taken.push(taken);
        response.writeHead(behaviour.status).end(behaviour.body ?? '');
      });
    });
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Another service, as the collector sees it: takes requests, and answers as a test tells it to. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface Taken {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** `down`: hangs up. `silent`: never answers. `garbage`: answers what is not HTTP. `page`: a proxy answers 200 by itself. */
export type Behaviour =
  | { readonly status: number; readonly body?: string; readonly afterMs?: number }
  | 'down'
  | 'silent'
  | 'garbage'
  | 'page';

export class HttpDouble implements AsyncDisposable {
  /** Those that were answered with 2xx. */
  readonly taken: Taken[] = [];
  /** All of them. */
  asked = 0;
  /** Numbers of those that have no answer yet, and whose sender has not given up. */
  readonly open = new Set<number>();
  /** At one time. */
  mostOpen = 0;
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
        const sent = Buffer.concat(chunks);
        const isPacked = request.headers['content-encoding'] === 'gzip';
        const body = (isPacked ? gunzipSync(sent) : sent).toString();
        this.#answer({ method: request.method ?? '', path: request.url ?? '', body }, response);
      });
    });
  }

  #answer(taken: Taken, response: ServerResponse): void {
    const number = (this.asked += 1);
    this.open.add(number);
    this.mostOpen = Math.max(this.mostOpen, this.open.size);
    const behaviour = typeof this.behave === 'function' ? this.behave(taken) : this.behave;
    const { socket } = response;
    let later: NodeJS.Timeout | undefined;
    response.on('close', () => {
      this.open.delete(number);
      clearTimeout(later);
    });
    if (behaviour === 'silent') return;
    if (behaviour === 'down') return void socket?.destroy();
    if (behaviour === 'garbage') return void socket?.end('\u0000\u0001 no HTTP at all\r\n\r\n');
    if (behaviour === 'page') return void response.writeHead(200).end('<html>Please sign in</html>');
    const answer = () => {
      if (behaviour.status < 300) this.taken.push(taken);
      response.writeHead(behaviour.status).end(behaviour.body ?? '');
    };
    if (behaviour.afterMs === undefined) answer();
    else later = setTimeout(answer, behaviour.afterMs);
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

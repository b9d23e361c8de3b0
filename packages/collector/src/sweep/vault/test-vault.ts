/** A double of the part of Vault's API that the sweep speaks, over real HTTP, with answers that a test can script. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface VaultCall {
  readonly path: string;
  readonly token: string | null;
  readonly namespace: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

type Scripted = { readonly status: number; readonly errors: readonly string[]; readonly retryAfter?: string };

export class TestVault implements AsyncDisposable {
  readonly calls: VaultCall[] = [];
  /** Answered, one each, in the place of what would be. */
  readonly script: Scripted[] = [];
  /** Tokens that are valid. */
  readonly live = new Set<string>();
  leaseSeconds = 3600;
  /** What renewals grant; null: the lease. */
  renewedSeconds: number | null = null;
  tokenType: 'service' | 'batch' = 'service';
  /** The JWTs that may log in; null: any. */
  jwts: readonly string[] | null = null;
  sealed = false;
  /** Sees each call as it comes. */
  onCall: (call: VaultCall) => void = () => {};
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #issued = 0;

  static async open(): Promise<TestVault> {
    const vault = new TestVault();
    await new Promise<void>((resolve) => {
      vault.#server.listen(0, '127.0.0.1', resolve);
    });
    return vault;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  paths(): string[] {
    return this.calls.map(({ path }) => path.replace('/v1/auth/', ''));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const token = (request.headers['x-vault-token'] as string | undefined) ?? null;
    const namespace = (request.headers['x-vault-namespace'] as string | undefined) ?? null;
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>;
    const call = { path, token, namespace, body };
    this.calls.push(call);
    this.onCall(call);
    const scripted = this.script.shift();
    if (scripted) {
      if (scripted.retryAfter !== undefined) response.setHeader('retry-after', scripted.retryAfter);
      return this.#send(response, scripted.status, { errors: scripted.errors });
    }
    if (this.sealed) return this.#send(response, 503, { errors: ['Vault is sealed'] });
    if (/^\/v1\/auth\/.+\/login$/.test(path)) return this.#login(response, body);
    if (token === null || !this.live.has(token)) {
      return this.#send(response, 403, { errors: ['permission denied'] });
    }
    if (path === '/v1/auth/token/renew-self') {
      return this.#send(response, 200, this.#auth(token, this.renewedSeconds ?? this.leaseSeconds));
    }
    if (path === '/v1/auth/token/revoke-self') {
      this.live.delete(token);
      response.statusCode = 204;
      response.end();
      return;
    }
    this.#send(response, 404, { errors: [] });
  }

  #login(response: ServerResponse, { jwt }: Record<string, unknown>): void {
    if (this.jwts !== null && !this.jwts.includes(String(jwt))) {
      return this.#send(response, 403, { errors: ['service account name not authorized'] });
    }
    const token = `hvs.${'t'.repeat(20)}${(this.#issued += 1)}`;
    this.live.add(token);
    this.#send(response, 200, this.#auth(token, this.leaseSeconds));
  }

  #auth(client_token: string, lease_duration: number) {
    const renewable = this.tokenType === 'service';
    const auth = { client_token, accessor: 'a', policies: ['plan'], lease_duration, renewable };
    return { request_id: 'r', auth: { ...auth, token_type: this.tokenType, orphan: true }, warnings: null };
  }

  #send(response: ServerResponse, status: number, body: object): void {
    response.statusCode = status;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body));
  }
}

/** Requests to the API server of Kubernetes, with a certificate authority and a token that are read from files. */
import { readFile } from 'node:fs/promises';
import { Agent } from 'undici';
import type { KubernetesConfig } from './options.ts';

/** For one request, from connecting to the last byte of the answer. */
const timeoutMs = 5000;
const maxAnswerBytes = 1024 * 1024;
const maxConnections = 16;

/** Nobody can say at present whether a token is good. Never a reason to take it. */
export class KubernetesUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubernetesUnavailableError';
  }
}

export interface ApiAnswer {
  readonly status: number;
  /** Undefined if it is no JSON. */
  readonly body: unknown;
}

export class ApiServer implements AsyncDisposable {
  readonly #config: KubernetesConfig['api'];
  #authority = '';
  #agent: Agent | null = null;

  constructor(config: KubernetesConfig['api']) {
    this.#config = config;
  }

  /** Throws {@link KubernetesUnavailableError}. Redirects are not followed. */
  async ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<ApiAnswer> {
    const agent = await this.#agentForAuthority();
    const token = (await this.#read('tokenFile')).trim();
    try {
      const { statusCode: status, body: answer } = await agent.request({
        origin: this.#config.url.origin,
        path: `${this.#config.url.pathname.replace(/\/$/, '')}${path}`,
        method,
        headers: {
          // Keys have a type of their own, and the API server is strict about it.
          accept: 'application/json, application/jwk-set+json',
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status, body: parse(await answer.text()) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new KubernetesUnavailableError(`the API server cannot be asked: ${reason}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent?.destroy();
  }

  async #agentForAuthority(): Promise<Agent> {
    const authority = await this.#read('caFile');
    if (this.#agent && authority === this.#authority) return this.#agent;
    const before = this.#agent;
    this.#authority = authority;
    this.#agent = new Agent({
      connections: maxConnections,
      maxResponseSize: maxAnswerBytes,
      connect: { ca: authority, timeout: timeoutMs },
    });
    void before?.close();
    return this.#agent;
  }

  async #read(which: 'caFile' | 'tokenFile'): Promise<string> {
    const path = this.#config[which];
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const name =
        which === 'caFile' ? 'HOLDFAST_KUBERNETES_API_CA_FILE' : 'HOLDFAST_KUBERNETES_API_TOKEN_FILE';
      throw new KubernetesUnavailableError(`${name}: ${path} cannot be read: ${code}`, { cause: error });
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

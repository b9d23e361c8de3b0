/** A collector, a scope over a scratch tree, and agents for it: a site of one machine. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, untilReady } from './api.ts';
import {
  type CollectorProcess,
  freePort,
  type Programs,
  type RunningProgram,
  startAgentProcess,
  startCollectorProcess,
} from './process.ts';
import { waitFor } from './wait.ts';

export interface ApiDrift {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly attributes: readonly string[];
  readonly occurrences: number;
  readonly after: { readonly sha256?: string } | null;
}

export interface ApiEvent {
  readonly id: number;
  readonly kind: string;
  readonly path: string | null;
  readonly change: string | null;
  readonly after: { readonly sha256?: string } | null;
}

export const siteNode = 'worker-1';

interface SiteSettings {
  readonly collector: NodeJS.ProcessEnv;
  readonly agent: NodeJS.ProcessEnv;
  /** Default: from the sources. */
  readonly programs: Programs | undefined;
}

export class Site implements AsyncDisposable {
  readonly directory: string;
  /** The tree that is watched. */
  readonly tree: string;
  readonly url: string;
  readonly #port: number;
  readonly #settings: SiteSettings;
  collector: CollectorProcess | null = null;
  agent: RunningProgram | null = null;

  private constructor(directory: string, port: number, settings: SiteSettings) {
    this.directory = directory;
    this.tree = join(directory, 'tree');
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#settings = settings;
  }

  static async create(settings: Partial<SiteSettings> = {}): Promise<Site> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-site-'));
    const site = new Site(directory, await freePort(), {
      collector: settings.collector ?? {},
      agent: settings.agent ?? {},
      programs: settings.programs,
    });
    await mkdir(site.tree);
    await writeFile(join(site.tree, 'a.conf'), 'a = 1\n');
    await writeFile(join(site.tree, 'b.conf'), 'b = 1\n');
    await writeFile(join(directory, 'scope.yaml'), `version: 1\npaths:\n  - path: ${site.tree}\n`);
    return site;
  }

  async startCollector(): Promise<CollectorProcess> {
    this.collector = startCollectorProcess(
      join(this.directory, 'collector'),
      this.#port,
      this.#settings.collector,
      this.#settings.programs,
    );
    await untilReady(this.url);
    return this.collector;
  }

  async startAgent(): Promise<RunningProgram> {
    this.agent = await startAgentProcess(
      {
        collectorUrl: this.url,
        stateDir: join(this.directory, 'agent'),
        scopeFile: join(this.directory, 'scope.yaml'),
        node: siteNode,
        env: this.#settings.agent,
      },
      this.#settings.programs,
    );
    return this.agent;
  }

  /** Waits until the node has a baseline and its agent watches. */
  async untilWatching(): Promise<void> {
    await waitFor('the first baseline', async () => {
      const { body } = await call<{ baseline: unknown; health: { phase: string } }>(
        this.url,
        `/api/v1/nodes/${siteNode}`,
      );
      return body.baseline !== null && body.health.phase === 'watching';
    });
  }

  async drift(): Promise<readonly ApiDrift[]> {
    const reply = await call<{ drift: ApiDrift[] }>(this.url, `/api/v1/nodes/${siteNode}/drift`);
    return reply.body.drift;
  }

  async events(): Promise<readonly ApiEvent[]> {
    const reply = await call<{ events: ApiEvent[] }>(this.url, `/api/v1/nodes/${siteNode}/events?limit=1000`);
    return reply.body.events;
  }

  /** The `path` labels of the node's `aide_drift_detected` series. */
  async driftSeries(): Promise<string[]> {
    const { text } = await call(this.url, '/metrics');
    const series = text.matchAll(/^aide_drift_detected\{node="([^"]*)",path="([^"]*)"\} 1$/gm);
    return Array.from(series, ([, node, path]) => (node === siteNode ? path! : '')).filter(
      (path) => path !== '',
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    await this.collector?.[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
  }
}

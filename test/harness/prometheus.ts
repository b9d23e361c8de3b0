/** A real Prometheus on the loopback, as Debian packages it: scrapes one target, and evaluates the rules that it is given. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needTool } from '../need.ts';
import { call } from './api.ts';
import { freePort, type RunningProgram, startCommand } from './process.ts';
import { waitFor } from './wait.ts';

export const needPrometheus = () => needTool('prometheus', 'apt-get install -y prometheus');

export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
  readonly activeAt: string;
}

export interface RuleHealth {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

interface Answer<T> {
  readonly status: 'success' | 'error';
  readonly error?: string;
  readonly data: T;
}

interface Settings {
  /** host:port */
  readonly target: string;
  readonly job: string;
  /** A rule file as text. */
  readonly rules: string;
  /** Between two scrapes, and two evaluations. */
  readonly everyMs: number;
}

export class Prometheus implements AsyncDisposable {
  readonly url: string;
  readonly #directory: string;
  readonly #program: RunningProgram;

  private constructor(url: string, directory: string, program: RunningProgram) {
    this.url = url;
    this.#directory = directory;
    this.#program = program;
  }

  static async start({ target, job, rules, everyMs }: Settings): Promise<Prometheus> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-prometheus-'));
    const every = `${everyMs}ms`;
    // JSON is YAML.
    const config = {
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: ['rules.yaml'],
      scrape_configs: [{ job_name: job, static_configs: [{ targets: [target] }] }],
    };
    await writeFile(join(directory, 'prometheus.yaml'), JSON.stringify(config));
    await writeFile(join(directory, 'rules.yaml'), rules);
    const listen = `127.0.0.1:${await freePort()}`;
    const program = startCommand(
      [
        'prometheus',
        `--config.file=${join(directory, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=${listen}`,
      ],
      process.env,
    );
    const prometheus = new Prometheus(`http://${listen}`, directory, program);
    await waitFor(
      'Prometheus to be ready',
      async () => (await call(prometheus.url, '/-/ready')).status === 200,
    ).catch(async (error: unknown) => {
      await prometheus[Symbol.asyncDispose]();
      throw new Error(program.output(), { cause: error });
    });
    return prometheus;
  }

  /** An instant query; throws with what Prometheus says of it. */
  async query(expression: string): Promise<readonly Series[]> {
    const { result } = await this.#get<{ result: readonly Series[] }>(
      `/api/v1/query?query=${encodeURIComponent(expression)}`,
    );
    return result;
  }

  /** Values of a label, as Grafana asks for those of a variable. */
  labelValues(label: string, selector: string): Promise<readonly string[]> {
    return this.#get(`/api/v1/label/${label}/values?match[]=${encodeURIComponent(selector)}`);
  }

  async alerts(): Promise<readonly ActiveAlert[]> {
    return (await this.#get<{ alerts: readonly ActiveAlert[] }>('/api/v1/alerts')).alerts;
  }

  async rules(): Promise<readonly RuleHealth[]> {
    const { groups } = await this.#get<{ groups: readonly { rules: readonly RuleHealth[] }[] }>(
      '/api/v1/rules',
    );
    return groups.flatMap(({ rules }) => rules);
  }

  async #get<T>(path: string): Promise<T> {
    const { body } = await call<Answer<T>>(this.url, path);
    if (body.status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${body.error}`);
    return body.data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

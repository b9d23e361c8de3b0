/** Every example of docs/api.md is run as it is printed, against a real collector; every route has one. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { file, TestAgent } from '@holdfast/collector/store/test-node';
import { endOf } from '@holdfast/collector/sweep/test-sweep';
import type { BaseMismatch, Report, ReportAnswer } from '@holdfast/shared/wire';
import { call, closeConnections, untilReady } from './harness/api.ts';
import {
  agentToken,
  freePort,
  operatorToken,
  collectorCommand,
  projectRoot,
  startCollectorProcess,
} from './harness/process.ts';
import { waitFor } from './harness/wait.ts';
import { readRepositoryFile } from './repository.ts';
import { needTerraform } from './harness/terraform/stack-tree.ts';
import { needTool } from './need.ts';

after(closeConnections);

interface Example {
  /** Of the section: `GET /api/v1/nodes`. */
  readonly routes: readonly string[];
  readonly command: string;
}

/** Each block that begins with curl or with what a variable is set to, below the heading that names its routes. */
function examples(): Example[] {
  const sections = readRepositoryFile('docs/api.md').split(/^### /m).slice(1);
  return sections.flatMap((section) => {
    const [heading = '', ...rest] = section.split('\n');
    const blocks = rest.join('\n').matchAll(/^```\n((?:curl |[A-Z]+=\$\()[\s\S]*?)^```/gm);
    return Array.from(blocks, ([, block = '']) => ({ routes: routesIn(heading), command: block.trim() }));
  });
}

/** `PUT · GET /a` and `GET /a · GET /b` both name two. */
function routesIn(heading: string): string[] {
  const parts = heading.split(' · ');
  const paths = parts.map((part) => part.split(' ')[1]);
  return parts.map((part, i) => `${part.split(' ')[0]} ${paths[i] ?? paths.slice(i).find(Boolean)}`);
}

test('every route in docs/api.md has an example of its own, in its section', () => {
  const lines = examples().flatMap(({ routes, command }) =>
    command
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => ({ routes, line })),
  );
  const table = Array.from(
    readRepositoryFile('docs/api.md').matchAll(/^\| `((?:GET|PUT|POST|DELETE) [^`]+)` \|/gm),
    ([, route]) => route!,
  );
  assert.ok(table.length > 20);
  const without = table.filter(
    (route) => !lines.some(({ routes, line }) => routes.includes(route) && calls(line, route)),
  );
  assert.deepEqual(without, []);
});

/** Whether a line is a call of the route `GET /api/v1/nodes/{node}`. */
function calls(line: string, route: string): boolean {
  const [method, path = ''] = route.split(' ');
  const pattern = path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '(?:\\$\\(\\w+\\)|[^/\\s"?])+');
  const isUrl = new RegExp(`\\$URL${pattern}(?:[\\s"?)]|$)`).test(line);
  return isUrl && method === (/ -X (\w+)/.exec(line)?.[1] ?? 'GET');
}

test('every answer that docs/api.md shows as JSON is JSON', () => {
  const shown = Array.from(readRepositoryFile('docs/api.md').matchAll(/^```json\n([\s\S]*?)^```/gm));
  assert.ok(shown.length > 20);
  for (const [, json = ''] of shown) assert.doesNotThrow(() => void JSON.parse(json), json);
});

test('every example of docs/api.md does what it says, as it is printed', {
  skip:
    needTool('curl', 'apt-get install -y curl') ||
    needTool('uuidgen', 'apt-get install -y uuid-runtime') ||
    needTerraform,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-examples-'));
  const collector = startCollectorProcess(join(directory, 'data'), await freePort(), {
    ...(await stacks(directory)),
  });
  try {
    await untilReady(collector.url);
    const site = new ExampleSite(collector.url, directory, await sweeperToken(directory));
    await site.introduce();
    const failures: string[] = [];
    for (const { command, routes } of examples()) {
      const failure = await site.run(command);
      if (failure !== null) failures.push(`${routes.join(', ')}\n  ${command}\n  ${failure}`);
    }
    assert.deepEqual(failures, []);
  } finally {
    await collector[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
});

/** Three nodes with the same drift, and what the examples name by variables. */
class ExampleSite {
  readonly #url: string;
  readonly #directory: string;
  readonly #agents = ['worker-1', 'worker-2', 'worker-3'].map(
    (name) => new TestAgent(name, [file('/etc/hosts'), file('/etc/ssh/sshd_config')]),
  );
  readonly #sweeperToken: string;
  #round = 0;

  constructor(url: string, directory: string, sweeperToken: string) {
    this.#url = url;
    this.#sweeperToken = sweeperToken;
    this.#directory = directory;
  }

  async introduce(): Promise<void> {
    await call(this.#url, '/api/v1/sweeps', { method: 'POST' });
    await this.#untilSwept();
    for (const agent of this.#agents) {
      await this.#post(agent, agent.whole());
      for (let i = 0; i < 3; i++) {
        await this.#drift(agent);
        await call(this.#url, `/api/v1/nodes/${agent.name}/baseline`, { method: 'POST' });
      }
    }
  }

  /** What went wrong; null if nothing did. */
  async run(command: string): Promise<string | null> {
    this.#round += 1;
    for (const agent of this.#agents) await this.#drift(agent);
    const environment = await this.#environment();
    try {
      const script = `curl() { command curl --fail-with-body --show-error --max-time 30 "$@"; }\n${command}`;
      await promisify(execFile)('bash', ['--norc', '-euc', script], {
        cwd: this.#directory,
        env: environment,
      });
      return null;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return `${stderr}${stdout}`.trim();
    }
  }

  async #environment(): Promise<NodeJS.ProcessEnv> {
    const { body, headers } = await call<{ drift: { id: number }[] }>(
      this.#url,
      '/api/v1/nodes/worker-1/drift',
    );
    const fleet = await call<{ drift: { row: string }[] }>(this.#url, '/api/v1/drift');
    const database = await readFile(join(projectRoot, 'packages/agent/fixtures/aide/0.19.3.db.txt'));
    await writeFile(join(this.#directory, 'aide.db'), database);
    const [first] = this.#agents;
    await writeFile(join(this.#directory, 'report.json'), JSON.stringify(first!.report()));
    await writeFile(join(this.#directory, 'results.json'), JSON.stringify(sweepWithoutStacks(Date.now())));
    await this.#untilSwept();
    return {
      PATH: process.env['PATH'],
      URL: this.#url,
      TOKEN: operatorToken,
      AGENT_TOKEN: agentToken,
      SWEEPER_TOKEN: this.#sweeperToken,
      TAG: String(headers['etag'] ?? ''),
      DRIFT: String(body.drift?.[0]?.id ?? 0),
      ROW: fleet.body.drift[0]?.row ?? '',
      DIGEST: hash('sha256', database),
    };
  }

  async #untilSwept(): Promise<void> {
    await waitFor('the sweep to end', async () => {
      const { body } = await call<{ sweeps: { state: string }[] }>(this.#url, '/api/v1/sweeps?limit=1');
      return body.sweeps.every(({ state }) => state !== 'running');
    });
  }

  async #drift(agent: TestAgent): Promise<void> {
    const content = String.fromCharCode(97 + (this.#round++ % 26));
    await this.#post(
      agent,
      agent.report([file('/etc/ssh/sshd_config', content), file('/etc/motd', content)]),
    );
  }

  /** As an agent does: what the collector lacks is sent again. A deleted node's agent goes on trying. */
  async #post(agent: TestAgent, report: Report): Promise<void> {
    const path = `/api/v1/nodes/${agent.name}/reports`;
    const post = (body: Report) =>
      call<ReportAnswer & BaseMismatch>(this.#url, path, { method: 'POST', token: agentToken, body });
    let reply = await post(report);
    if (reply.status === 409 && reply.body.code === 'base-mismatch')
      reply = await post(agent.whole(reply.body.observed));
    if (reply.status === 200) agent.base = reply.body.observed;
    else if (reply.status !== 410) throw new Error(reply.text);
  }
}

async function sweeperToken(directory: string): Promise<string> {
  const [node, ...collector] = collectorCommand;
  const args = ['token', 'create', '--role', 'sweeper', '--name', 'examples'];
  const env = { HOLDFAST_DATA_DIR: join(directory, 'data') };
  const { stdout } = await promisify(execFile)(node, [...collector, ...args], { env });
  return stdout.trim();
}

/** As a sweep sends it that ran apart, and found that there is nothing to plan. */
function sweepWithoutStacks(now: number): object {
  const failure = { phase: 'checkout', diagnostic: 'no stack was found' } as const;
  return {
    only: null,
    startedAt: now - 1000,
    deadlineMs: 3_600_000,
    source: '/infra',
    scope: null,
    end: endOf(now, { phase: 'failed', failure }),
    results: [],
  };
}

/** A source of stacks, for the examples of sweeps. */
async function stacks(directory: string): Promise<NodeJS.ProcessEnv> {
  const stack = join(directory, 'infra', 'stacks', 'network');
  await mkdir(stack, { recursive: true });
  await writeFile(join(stack, 'main.tf'), 'resource "terraform_data" "x" { input = 1 }\n');
  return {
    HOLDFAST_SWEEP_PATH: join(directory, 'infra'),
    HOLDFAST_SWEEP_MARKER: 'main.tf',
    HOLDFAST_SWEEP_COMMAND: 'terraform plan',
    HOLDFAST_SWEEP_SCHEDULE: 'off',
  };
}

/**
 * The stack sweep over 126 stacks, against the same terraform commands run bare by `xargs -P`: once with 20
 * `terraform_data` each, once with 5 resources each of a provider of which two have been tampered with. The sweep runs in
 * this process beside the collector's API, which is asked all the time.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CollectorApp } from '../test/harness/collector-app.ts';
import { operatorToken } from '../test/harness/process.ts';
import { fakeFiles, run, StackTree, type Swept } from '../test/harness/terraform/stack-tree.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Table } from './table.ts';

const stacks = 126;
const resources = 20;
const providerResources = 5;
const concurrency = availableParallelism();
const askEveryMs = 20;

export const bench: Bench = {
  async run(options) {
    return [await builtIn(options), await withProvider(options)];
  },
};

async function builtIn({ say }: BenchOptions): Promise<Table> {
  await using tree = await StackTree.create();
  const code = Array.from(
    { length: resources },
    (_, i) => `resource "terraform_data" "r${i}" {\n  input = { name = "r${i}", tags = ["a", "b"] }\n}\n`,
  );
  await tree.apply('s000', { 'main.tf': code.join('') });
  for (let i = 1; i < stacks; i++) await tree.copy('s000', nameOf(i), '-', '-');
  return await measure(`${stacks} stacks of ${resources} terraform_data`, tree, say);
}

async function withProvider({ say }: BenchOptions): Promise<Table> {
  await using provider = await startProviderProcess();
  await using tree = await StackTree.create(provider.environment);
  const names = Array.from({ length: providerResources }, (_, i) => `f${i}`);
  const files = names.map((name) => [name, { path: tree.file(`s000-${name}`), content: 'hello' }] as const);
  await tree.apply('s000', { 'main.tf': fakeFiles(Object.fromEntries(files)) });
  for (let i = 1; i < stacks; i++) {
    await tree.copy('s000', nameOf(i), 's000', nameOf(i));
    for (const name of names) await writeFile(tree.file(`${nameOf(i)}-${name}`), 'hello');
  }
  for (const i of [17, 99]) await writeFile(tree.file(`${nameOf(i)}-f3`), 'tampered');
  const title = `${stacks} stacks of ${providerResources} resources of a provider, two tampered with`;
  return await measure(title, tree, say);
}

async function measure(title: string, tree: StackTree, say: (line: string) => void): Promise<Table> {
  await bare(tree); // warms the page cache
  say(`${title}: bare`);
  const bareBefore = await bare(tree);
  say('swept');
  const rssBefore = process.memoryUsage().rss;
  await using api = await AskedApi.start();
  const begun = performance.now();
  const swept = await tree.sweep({ limits: { concurrency } });
  const sweptSeconds = (performance.now() - begun) / 1000;
  const asked = await api.stop();
  say('bare again');
  const bareAfter = await bare(tree);
  const bareSeconds = (bareBefore + bareAfter) / 2;
  return {
    title: `${title}, ${concurrency} at a time`,
    columns: ['what', 'value'],
    rows: [
      ['bare: plan and show by xargs -P, seconds', bareSeconds],
      ['swept, seconds', sweptSeconds],
      ['times bare', sweptSeconds / bareSeconds],
      ['memory of the collector grew by at most, MiB', (asked.maxRss - rssBefore) / 2 ** 20],
      ['API p99 ms', asked.p99],
      ['API requests', asked.count],
      ['outcomes', outcomesOf(swept)],
    ],
  };
}

/** Seconds. */
async function bare(tree: StackTree): Promise<number> {
  const plans = await mkdtemp(join(tmpdir(), 'holdfast-plans-'));
  try {
    const script = `cd "$1"; terraform plan -json -input=false -lock=false -detailed-exitcode -out=${plans}/$1 >/dev/null
      terraform show -json ${plans}/$1 >/dev/null`;
    const begun = performance.now();
    const list = `printf '%s\\n' ${tree.stacks.join(' ')} | xargs -P ${concurrency} -I{} sh -c '${script}' sh {}`;
    await run('sh', ['-c', list], tree.root, tree.environment);
    return (performance.now() - begun) / 1000;
  } finally {
    await rm(plans, { recursive: true, force: true });
  }
}

/** The API in this process, asked by another one. */
class AskedApi implements AsyncDisposable {
  readonly #collector: CollectorApp;
  readonly #asker: ReturnType<typeof spawn>;
  readonly #timer: NodeJS.Timeout;
  #maxRss = 0;
  #output = '';

  private constructor(collector: CollectorApp, asker: ReturnType<typeof spawn>) {
    this.#collector = collector;
    this.#asker = asker;
    asker.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.#timer = setInterval(() => {
      this.#maxRss = Math.max(this.#maxRss, process.memoryUsage().rss);
    }, 50);
  }

  static async start(): Promise<AskedApi> {
    const collector = await CollectorApp.open();
    await collector.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = collector.app.server.address() as AddressInfo;
    const script = `
      const times = [];
      process.stdin.on('end', () => { console.log(JSON.stringify(times)); process.exit(); }).resume();
      for (;;) {
        const begun = performance.now();
        await (await fetch('http://127.0.0.1:${port}/api/v1/nodes', { headers: { authorization: 'Bearer ${operatorToken}' } })).text();
        times.push(performance.now() - begun);
        await new Promise((resolve) => setTimeout(resolve, ${askEveryMs}));
      }`;
    const asker = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new AskedApi(collector, asker);
  }

  async stop(): Promise<{ p99: number; count: number; maxRss: number }> {
    this.#asker.stdin?.end();
    await new Promise((resolve) => this.#asker.once('close', resolve));
    const times = (JSON.parse(this.#output) as number[]).sort((a, b) => a - b);
    return {
      p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
      count: times.length,
      maxRss: this.#maxRss,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#asker.kill('SIGKILL');
    await this.#collector[Symbol.asyncDispose]();
  }
}

/** Its work is not the collector's. */
async function startProviderProcess(): Promise<{ environment: Record<string, string> } & AsyncDisposable> {
  const file = join(import.meta.dirname, '..', 'test', 'harness', 'terraform', 'provider-process.ts');
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    environment: JSON.parse(line.toString()) as Record<string, string>,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'close');
      child.stdin.end();
      await ended;
    },
  };
}

function nameOf(i: number): string {
  return `s${String(i).padStart(3, '0')}`;
}

function outcomesOf({ counts }: Swept): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');
}

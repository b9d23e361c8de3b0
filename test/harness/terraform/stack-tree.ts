/** A tree of real stacks, what real terraform needs to plan them, and a sweep over them. */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { childEnvironment } from '@holdfast/collector/sweep/core/child-environment';
import type { StackResult } from '@holdfast/collector/sweep/core/stack-result';
import { runSweep } from '@holdfast/collector/sweep/run-sweep';
import {
  type DiscoveredStack,
  defaultSweepLimits,
  type SweepLimits,
  type SweepPorts,
  type SweepProgress,
  type SweepRequest,
  type SweepResult,
} from '@holdfast/collector/sweep/sweep-request';
import { needTool, type Skip } from '../../need.ts';

export const needTerraform: Skip = needTool(
  'terraform',
  'see https://developer.hashicorp.com/terraform/install',
);

export type Files = Readonly<Record<string, string>>;

export interface SweepChoices extends Partial<Omit<SweepRequest, 'limits' | 'stacks'>> {
  readonly stacks?: readonly (string | DiscoveredStack)[];
  readonly limits?: Partial<SweepLimits>;
  readonly ports?: Partial<SweepPorts>;
}

export interface Swept extends SweepResult {
  readonly events: readonly SweepProgress[];
  of(stack: string): StackResult;
}

export class StackTree implements AsyncDisposable {
  readonly directory: string;
  /** What children see beside PATH. */
  readonly environment: Record<string, string>;
  readonly stacks: string[] = [];

  private constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.directory = directory;
    const path = `${import.meta.dirname}:${process.env['PATH']}`;
    // Terraform ends before its garbage is worth collecting: a third of its processor time goes there.
    const own = { PATH: path, HOME: directory, GOGC: 'off' };
    this.environment = childEnvironment({ ...environment, ...own }, ['*']);
  }

  static async create(environment: Readonly<Record<string, string>> = {}): Promise<StackTree> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-stacks-'));
    await Promise.all(['infra', 'work', 'files'].map((name) => mkdir(join(directory, name))));
    return new StackTree(directory, environment);
  }

  get root(): string {
    return join(this.directory, 'infra');
  }

  get workDirectory(): string {
    return join(this.directory, 'work');
  }

  /** Where `fake_file` resources lie. */
  file(name: string): string {
    return join(this.directory, 'files', name);
  }

  path(stack: string, name = ''): string {
    return join(this.root, stack, name);
  }

  async write(stack: string, files: Files): Promise<void> {
    if (!this.stacks.includes(stack)) this.stacks.push(stack);
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(this.path(stack, name)), { recursive: true });
      await writeFile(this.path(stack, name), content);
    }
  }

  /** Writes the stack and brings the world to it. */
  async apply(stack: string, files: Files = {}): Promise<void> {
    await this.write(stack, files);
    await this.terraform(stack, 'apply', '-auto-approve', '-input=false');
  }

  /** Another stack with the same content and state, `from` replaced in both: an apply of 126 takes its time. */
  async copy(stack: string, to: string, from: string, into: string): Promise<void> {
    this.stacks.push(to);
    await cp(this.path(stack), this.path(to), { recursive: true });
    for (const name of ['main.tf', 'terraform.tfstate']) {
      const content = await readFile(this.path(to, name), 'utf8');
      await writeFile(this.path(to, name), content.replaceAll(from, into));
    }
  }

  async edit(stack: string, name: string, from: string | RegExp, into: string): Promise<void> {
    const content = await readFile(this.path(stack, name), 'utf8');
    const edited = typeof from === 'string' ? content.replaceAll(from, into) : content.replace(from, into);
    await writeFile(this.path(stack, name), edited);
  }

  terraform(stack: string, ...args: string[]): Promise<string> {
    return run('terraform', args, this.path(stack), this.environment);
  }

  async sweep(choices: SweepChoices = {}): Promise<Swept> {
    const { ports, limits, stacks = this.stacks, environment, ...rest } = choices;
    const events: SweepProgress[] = [];
    const result = await runSweep(
      {
        root: this.root,
        command: ['terraform', 'plan'],
        workDirectory: this.workDirectory,
        runAs: null,
        hints: new Map(),
        rules: [],
        salt: 'salt of the tests',
        ...rest,
        environment: { ...this.environment, ...environment },
        stacks: stacks.map((stack) => (typeof stack === 'string' ? { stack, excludedBecause: null } : stack)),
        limits: { ...defaultSweepLimits, concurrency: 2, graceMs: 500, breakerPauseMs: 50, ...limits },
      },
      {
        clock: Date.now,
        refreshCheckout: async () => undefined,
        credentials: async () => ({ environment: {}, secrets: [] }),
        signal: new AbortController().signal,
        ...ports,
        onProgress(event) {
          events.push(event);
          ports?.onProgress?.(event);
        },
      },
    );
    return Object.assign(result, {
      events,
      of(stack: string): StackResult {
        const found = result.results.find((candidate) => candidate.stack === stack);
        if (!found) throw new Error(`no result of ${stack}`);
        return found;
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Resolves to what it printed; rejects with it if it fails. */
export function run(
  program: string,
  args: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(program, args, { cwd: directory, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${program} ${args.join(' ')}: ${code}\n${output}`)),
    );
  });
}

/** A `main.tf` with one `fake_file` for each name; their values and content are given. */
export function fakeFiles(
  files: Readonly<Record<string, { path: string; content: string; more?: string }>>,
): string {
  const resources = Object.entries(files).map(
    ([name, { path, content, more = '' }]) =>
      `resource "fake_file" "${name}" {\n  path    = "${path}"\n  content = "${content}"\n  ${more}\n}\n`,
  );
  return `terraform {
  required_providers {
    fake = {
      source = "example.test/acme/fake"
    }
  }
}
${resources.join('')}`;
}

/** Where plan files lie, which hold secrets in the clear: directories that only the children's user can enter. */
import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { planDirectoryPrefix } from '#sweep/strays';
import type { SweepRequest } from '#sweep/sweep-request';

export class PlanDirectories implements AsyncDisposable {
  readonly #root: string;
  readonly #runAs: SweepRequest['runAs'];
  #count = 0;

  private constructor(root: string, runAs: SweepRequest['runAs']) {
    this.#root = root;
    this.#runAs = runAs;
  }

  static async create({ workDirectory, runAs }: SweepRequest): Promise<PlanDirectories> {
    const root = await mkdtemp(join(workDirectory, planDirectoryPrefix)); // mode 0700
    if (runAs) await chown(root, runAs.uid, runAs.gid);
    return new PlanDirectories(root, runAs);
  }

  /** A directory for one plan. Disposing of it removes it with what is in it. */
  async add(): Promise<{ readonly path: string } & AsyncDisposable> {
    const path = join(this.#root, String(++this.#count));
    await mkdir(path, { mode: 0o700 });
    if (this.#runAs) await chown(path, this.#runAs.uid, this.#runAs.gid);
    return { path, [Symbol.asyncDispose]: () => remove(path) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return remove(this.#root);
  }
}

function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

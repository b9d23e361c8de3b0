/** Debian's `aide --check` over the same trees with the attributes that count in Holdfast. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** AIDE's `num_workers`; 0 hashes in the main thread. The best of them is AIDE's figure. */
export const workerCounts = [0, 1, 2, 4] as const;

/** Type, mode, owner, group, size, link target, sha256. AIDE 0.18 can't record device numbers. */
const attributes = 'ftype+p+u+g+s+l+sha256';

/** Bits of AIDE's exit code that say "differs"; above them it failed. */
const differsBits = 7;

export class AideCheck implements AsyncDisposable {
  readonly isHere: boolean;
  readonly #directory: string;

  private constructor(directory: string, isHere: boolean) {
    this.#directory = directory;
    this.isHere = isHere;
  }

  /** Makes a database of `trees`. */
  static async create(trees: readonly string[]): Promise<AideCheck> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-aide-'));
    const isHere = spawnSync('aide', ['--version']).error === undefined;
    const check = new AideCheck(directory, isHere);
    if (!isHere) return check;
    for (const count of workerCounts)
      await writeFile(check.#config(count), configText(directory, trees, count));
    check.#run(1, '--init');
    return check;
  }

  checkMs(workers: (typeof workerCounts)[number]): number {
    if (!this.isHere) return 0;
    const start = performance.now();
    this.#run(workers, '--check');
    return performance.now() - start;
  }

  #run(workers: number, action: string): void {
    const { status, stderr } = spawnSync('aide', [`--config=${this.#config(workers)}`, action], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    if (status === null || status > differsBits) throw new Error(`aide ${action}: exit ${status}\n${stderr}`);
  }

  #config(workers: number): string {
    return join(this.#directory, `aide-${workers}.conf`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function configText(directory: string, trees: readonly string[], workers: number): string {
  return `database_in=file:${directory}/aide.db
database_out=file:${directory}/aide.db
database_attrs=sha256
gzip_dbout=no
num_workers=${workers}
report_url=stdout
${trees.map((tree) => `${tree}(/|\\\\z) ${attributes}`).join('\n')}
`;
}

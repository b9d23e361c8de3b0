import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Shim extends Disposable {
  /** Give this to a program as LD_PRELOAD. What it can do is said in shim.c. */
  readonly path: string;
  /** Goes with it; a place for the files that steer it. */
  readonly directory: string;
}

export function compileShim(): Shim {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-shim-'));
  const path = join(directory, 'shim.so');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', path, join(import.meta.dirname, 'shim.c'), '-ldl']);
  return { path, directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

import type { Table } from './table.ts';

/** One measurement, or several that belong together. Each lies in a file of its own and is listed in main.ts. */
export interface Bench {
  run(options: BenchOptions): Promise<readonly Table[]>;
}

export interface BenchOptions {
  /** `--long`: measure for as long as the requirement says, not only long enough to see. */
  readonly long: boolean;
  /** Progress, on stderr. */
  readonly say: (line: string) => void;
}

import type { Log } from './options.ts';

/** For commands and tests that say what matters by other means. */
export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A file tree of a test, under a host root of its own, and a scanner over it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { checkScope, compileScope, type Scope, type ScopeMatcher } from '@holdfast/shared/scope';
import type { ObserverOptions } from './options.ts';
import { quietLog } from './quiet-log.ts';
import { Scanner } from './scanner.ts';

export interface TestTree {
  readonly hostRoot: string;
  /** Where the reported path `path` lies. */
  readonly at: (path: string) => string;
  readonly scope: ScopeMatcher;
  readonly options: ObserverOptions;
  /** What must be undone before the tree is removed, such as a mount in it. */
  readonly undo: (() => void)[];
}

/** With a directory for each path of the scope; by default `/tree`. */
export function makeTestTree(t: TestContext, scope: Partial<Scope> = {}): TestTree {
  const hostRoot = mkdtempSync(join(tmpdir(), 'holdfast-observe-'));
  const undo: (() => void)[] = [];
  t.after(() => {
    for (const step of undo) step();
    rmSync(hostRoot, { recursive: true, force: true, maxRetries: 3 });
  });
  const compiled = compileScope(checkScope({ version: 1, paths: [{ path: '/tree' }], ...scope }));
  mkdirSync(join(hostRoot, 'tree'), { recursive: true });
  return {
    hostRoot,
    at: (path) => join(hostRoot, path),
    scope: compiled,
    undo,
    options: {
      scope: compiled,
      hostRoot,
      maxFileMib: 1,
      log: quietLog,
      settleMs: 20,
      metadataScanSeconds: 3600,
      fullScanCron: '0 3 * * *',
      readMibPerSecond: 0,
      startDelayMs: 0,
      startAtFullSpeed: true,
    },
  };
}

/** A scanner that has seen the tree once and tells its changes from then on. */
export async function scanned(t: TestContext, tree: TestTree, options = tree.options): Promise<Scanner> {
  const scanner = new Scanner(options);
  t.after(() => scanner[Symbol.asyncDispose]());
  await scanner.fullScan();
  scanner.feed.isMuted = false;
  return scanner;
}

/** The changes that `act` makes the scanner tell, as `path before→after` by type or reason. */
export async function changesDuring(scanner: Scanner, act: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  const name = (entry: { type: string; unread?: string } | null): string =>
    entry?.unread ?? entry?.type ?? 'none';
  const stop = scanner.feed.subscribe((changes) => {
    for (const { path, before, after } of changes) told.push(`${path} ${name(before)}→${name(after)}`);
  });
  await act();
  stop();
  return told.sort();
}

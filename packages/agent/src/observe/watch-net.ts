/**
 * The watch net: hints of the watcher, settled, become looks. When watches run out or the watcher fails, that is said
 * in `degraded`, the metadata sweep stands in, and a new watcher is tried later.
 */
import { SettleQueue } from '#core/settle-queue';
import { directoryToWatch, TreeWatcher } from '#io/watch/tree-watcher';
import type { ObserverOptions } from './options.ts';
import type { Scanner } from './scanner.ts';

export const defaultWatchRetryMs = 60_000;
export const maxRetryMs = 15 * 60_000;

export interface WatchNetOptions {
  readonly observer: ObserverOptions;
  readonly scanner: Scanner;
  /** Paths to look at. */
  readonly onSettled: (paths: readonly string[]) => void;
  /** There is no telling which paths: look at all of them. */
  readonly onLost: () => void;
  readonly onDegraded: () => void;
}

export class WatchNet implements AsyncDisposable {
  readonly #options: WatchNetOptions;
  readonly #clock: () => number;
  readonly #settling: SettleQueue;
  #watcher: TreeWatcher | null = null;
  #watched = new Set<string>();
  #degraded: string | null = null;
  #settleTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryMs: number;
  #closed = false;

  constructor(options: WatchNetOptions) {
    this.#options = options;
    this.#retryMs = this.#firstRetryMs;
    this.#clock = () => performance.now();
    this.#settling = new SettleQueue(options.observer.settleMs);
  }

  /** Null: the watcher works. Else one sentence on why the metadata sweep stands in. */
  get degraded(): string | null {
    return this.#degraded ?? unwatchableSentence(this.#options.scanner.unwatchable);
  }

  get #firstRetryMs(): number {
    return this.#options.observer.watchRetryMs ?? defaultWatchRetryMs;
  }

  /** Resolves when what is there now is watched, as far as it can be. */
  async start(): Promise<void> {
    this.#watched = new Set(this.#directories());
    let failed = false;
    const watcher = new TreeWatcher({
      hostRoot: this.#options.observer.hostRoot,
      directories: [...this.#watched],
      isIgnored: (path) => this.#isIgnored(path),
      onHint: (path) => this.#takeHint(path),
      onError: (error) => {
        if (watcher !== this.#watcher) return;
        failed = true;
        this.#fail(error);
      },
    });
    this.#watcher = watcher;
    await watcher.ready;
    if (failed || watcher !== this.#watcher) return;
    this.#retryMs = this.#firstRetryMs;
    this.#setDegraded(null);
  }

  /** Roots of the scope that have appeared since are watched from now on. */
  watchNewRoots(): void {
    const added = this.#directories().filter((path) => !this.#watched.has(path));
    if (added.length === 0) return;
    for (const path of added) this.#watched.add(path);
    this.#watcher?.add(added);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#settleTimer);
    clearTimeout(this.#retryTimer);
    const watcher = this.#watcher;
    this.#watcher = null;
    await watcher?.[Symbol.asyncDispose]();
  }

  #directories(): string[] {
    const { scanner, observer } = this.#options;
    const directories = observer.scope.roots.flatMap((root) => {
      const entry = scanner.tree.manifest.get(root);
      return entry ? [directoryToWatch(root, entry.type === 'directory')] : [];
    });
    return [...new Set(directories)];
  }

  #isIgnored(path: string): boolean {
    const { scanner, observer } = this.#options;
    if (this.#watched.has(path) || observer.scope.leadsToRule(path)) return false;
    return observer.scope.match(path) === null || !scanner.isEntered(path);
  }

  #takeHint(path: string): void {
    const { scope } = this.#options.observer;
    if (this.#closed || (scope.match(path) === null && !scope.leadsToRule(path))) return;
    this.#settling.add(path, this.#clock());
    this.#wakeWhenDue();
  }

  #wakeWhenDue(): void {
    if (this.#settleTimer || this.#closed) return;
    const ms = this.#settling.msUntilDue(this.#clock());
    if (ms === null) return;
    this.#settleTimer = setTimeout(() => {
      this.#settleTimer = undefined;
      const settled = this.#settling.take(this.#clock());
      if (settled.kind === 'everything') this.#options.onLost();
      else if (settled.paths.length > 0) this.#options.onSettled(settled.paths);
      this.#wakeWhenDue();
    }, ms);
  }

  #fail(error: Error): void {
    if (this.#degraded === null) {
      this.#options.observer.log.warn(
        { err: error },
        'the watcher does not see everything; the metadata sweep stands in',
      );
    }
    this.#setDegraded(degradedSentence(error));
    if (this.#retryTimer || this.#closed) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      void this.#restart();
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
  }

  async #restart(): Promise<void> {
    const old = this.#watcher;
    this.#watcher = null;
    await old?.[Symbol.asyncDispose]();
    if (this.#closed) return;
    await this.start();
    this.#options.onLost();
  }

  #setDegraded(sentence: string | null): void {
    if (this.#degraded === sentence) return;
    this.#degraded = sentence;
    this.#options.onDegraded();
  }
}

const cures: Readonly<Record<string, string>> = {
  ENOSPC: 'the inotify watches of this user are used up: raise fs.inotify.max_user_watches',
  EMFILE: 'the inotify instances of this user are used up: raise fs.inotify.max_user_instances',
  ENFILE: 'the open files of this machine are used up: raise fs.file-max',
};

export function degradedSentence(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return (code && cures[code]) ?? `the watcher failed: ${error.message}`.slice(0, 500);
}

function unwatchableSentence(directories: number): string | null {
  if (directories === 0) return null;
  return `directories that have no watch, because their paths are not UTF-8: ${directories}`;
}

/**
 * chokidar, reduced to hints: "something happened at this path". One inotify watch a directory, one inotify instance.
 *
 * A hint is never the proof. chokidar hands names on as JavaScript strings, so a name that is not UTF-8 arrives
 * mangled: the hint is then for the directory that it lies in. Its own events come after its own lstat, so its raw
 * ones, which are the kernel's, are taken as well.
 */
import { basename, dirname, join } from 'node:path';
import { encodePathText, isWithin, parentOf } from '@holdfast/shared/path-text';
import { type FSWatcher, watch } from 'chokidar';
import { byteString, unicodePath } from '#io/tree/host-path';

export interface TreeWatcherOptions {
  readonly hostRoot: string;
  /** Reported paths of directories to watch, with all that is below. */
  readonly directories: readonly string[];
  /** Whether the reported path and what is below need no watch. */
  readonly isIgnored: (path: string) => boolean;
  /** Called with a reported path. Must only take it in. */
  readonly onHint: (path: string) => void;
  readonly onError: (error: Error) => void;
}

/** Stands for a byte that was not UTF-8. */
const mangled = '\ufffd';

export class TreeWatcher implements AsyncDisposable {
  readonly #options: TreeWatcherOptions;
  readonly #prefix: string;
  readonly #watcher: FSWatcher;
  readonly #ready: Promise<void>;

  constructor(options: TreeWatcherOptions) {
    this.#options = options;
    this.#prefix = options.hostRoot === '/' ? '' : options.hostRoot;
    this.#watcher = watch(this.#watchable(options.directories), {
      persistent: true,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      ignorePermissionErrors: true,
      backend: 'native',
      // Told of directories alone, chokidar keeps no books of files: 100,000 of them held the event loop for a second.
      ignored: (path, stats) => stats?.isDirectory() === false || this.#isIgnored(path),
    });
    this.#watcher.on('error', (error) => {
      options.onError(error instanceof Error ? error : new Error(String(error)));
    });
    this.#watcher.on('all', (_event, path) => this.#hint(path));
    this.#watcher.on('raw', (_event, name, details) => this.#hintRaw(name, details));
    this.#ready = new Promise((resolve) => {
      this.#watcher.once('ready', resolve);
      // A watcher of nothing never says that it is ready.
      if (this.#watchable(options.directories).length === 0) resolve();
    });
  }

  /** Resolves when everything that was there at the start is watched. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  add(directories: readonly string[]): void {
    this.#watcher.add(this.#watchable(directories));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher.close();
  }

  /** A directory whose own path is not UTF-8 cannot be named to chokidar; the metadata sweep looks after it. */
  #watchable(directories: readonly string[]): string[] {
    return directories.flatMap((path) => {
      const name = unicodePath(path);
      return name === null ? [] : [this.#prefix + name];
    });
  }

  #isIgnored(path: string): boolean {
    const reported = this.#reported(path);
    return reported === null || this.#options.isIgnored(reported);
  }

  #hint(path: string): void {
    let clean = path;
    while (clean.includes(mangled)) clean = dirname(clean);
    const reported = this.#reported(clean);
    if (reported !== null) this.#options.onHint(reported);
  }

  #hintRaw(name: string | null, details: unknown): void {
    const watched = (details as { watchedPath?: unknown }).watchedPath;
    if (typeof watched !== 'string') return;
    // The kernel names a watched directory itself by its own name, which may also be a name in it.
    if (name === null || name === basename(watched)) this.#hint(watched);
    if (name !== null) this.#hint(join(watched, name));
  }

  #reported(path: string): string | null {
    if (!isWithin(path, this.#options.hostRoot)) return null;
    return encodePathText(byteString(path.slice(this.#prefix.length))) || '/';
  }
}

/** The directory to watch for a root of the scope: a file is replaced by rename, so it is its directory that tells. */
export function directoryToWatch(root: string, isDirectory: boolean): string {
  return isDirectory ? root : parentOf(root);
}

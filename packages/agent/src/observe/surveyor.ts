/**
 * Walks the file tree and brings the observed tree up to date. Everything here is synchronous and cut into steps:
 * between two steps (`yield`) the event loop may run, and other walks may have changed what is known.
 *
 * Never follows a symlink, never enters a mount that the scope does not, opens no file: files whose content may have
 * changed are handed to the reader.
 */
import type { ScopeMatcher } from '@holdfast/shared/scope';
import { isWithin } from '@holdfast/shared/path-text';
import { entryTypeOf, type FileStat } from '#core/file-stat';
import { LargestFiles } from '#core/largest-files';
import { type Content, noContent } from '#core/make-entry';
import type { MountPoints } from '#core/mount-points';
import type { HashOutcome } from '#io/hash/hash-task';
import { type HostPath, unicodePath } from '#io/tree/host-path';
import { holdsNothing, listNames, listNamesInSteps, lstat, readTarget, type Refusal } from '#io/tree/look-at';
import type { ReadRequest } from './content-reader.ts';
import { Mounts } from './mounts.ts';
import type { Log } from './options.ts';
import type { Recorder } from './recorder.ts';
import { ancestors, RootReach } from './root-reach.ts';
import type { Pause } from './run-in-slices.ts';
import type { Visit } from './visit.ts';

/** A file that has changed during so many reads is recorded as unstable. */
export const maxReads = 3;
/** Names of one directory that are looked at between two yields. */
const namesPerStep = 128;
/** A directory whose own size is this holds some thousand names, on any file system: it is listed in steps. */
export const largeDirectoryBytes = 128 * 1024;

export interface SurveyorOptions {
  readonly scope: ScopeMatcher;
  readonly recorder: Recorder;
  readonly hostPath: HostPath;
  readonly readMountPoints: () => MountPoints;
  readonly requestRead: (request: ReadRequest) => void;
  readonly maxFileBytes: number;
  readonly log: Log;
}

interface Directory {
  readonly path: string;
  readonly stat: FileStat;
}

/** A directory to list; else what became of the path: `done` if it is something that need not be listed. */
type Looked = Directory | 'refused' | 'gone' | 'done';

export class Surveyor {
  readonly #options: SurveyorOptions;
  readonly #recorder: Recorder;
  readonly #rootReach: RootReach;
  readonly #mounts: Mounts;
  #largest = new LargestFiles();

  constructor(options: SurveyorOptions) {
    this.#options = options;
    this.#recorder = options.recorder;
    this.#rootReach = new RootReach(options.hostPath, options.log);
    this.#mounts = new Mounts({ ...options, read: options.readMountPoints });
  }

  /** Goes over the whole scope. */
  *everything(visit: Visit): Generator<Pause | void> {
    this.#mounts.refresh();
    if (visit.readsAll) yield this.#largestFirst(visit);
    for (const root of this.#options.scope.roots) yield* this.#root(root, visit);
  }

  /** Looks at `paths`; of a directory, at what is in it and at directories below that are new or were altered. */
  *named(paths: readonly string[], visit: Visit): Generator<void> {
    this.#mounts.refresh();
    yield* this.#lostRoots(paths, visit);
    for (const path of paths) {
      const root = this.#rootOf(path);
      if (!root) continue;
      if (path === root) yield* this.#root(root, visit, true);
      else {
        const looked = this.#nearest(root, path, visit);
        yield* this.#recorder.finishRest();
        if (typeof looked === 'object') yield* this.#list(looked, visit, true);
      }
      yield;
    }
  }

  /** Whether walks enter `path`, if it is a directory: no other file system is mounted there, or the scope enters it. */
  isEntered(path: string): boolean {
    return !this.#mounts.isForeign(path);
  }

  /** Takes in what the reader found. */
  takeRead(request: ReadRequest, outcome: Exclude<HashOutcome, { kind: 'cancelled' }>): void {
    const { path, stat, visit, attempt } = request;
    switch (outcome.kind) {
      case 'read':
        visit.hashed += 1;
        visit.bytes += stat.size;
        if (visit.readsAll) this.#largest.add(path, stat.size);
        this.#recorder.record(
          path,
          stat,
          { kind: 'sha256', sha256: outcome.sha256 },
          visit,
          request.sequence,
        );
        break;
      case 'refused':
        this.#recorder.record(
          path,
          stat,
          { kind: 'unread', reason: outcome.reason },
          visit,
          request.sequence,
        );
        break;
      case 'moved':
        if (attempt < maxReads) this.#look(path, null, visit, attempt + 1);
        else
          this.#recorder.record(path, stat, { kind: 'unread', reason: 'unstable' }, visit, request.sequence);
        break;
    }
  }

  /** The large files of the last scan are read while this one still walks. */
  #largestFirst(visit: Visit): Pause {
    const { paths } = this.#largest;
    this.#largest = new LargestFiles();
    for (const path of paths) {
      const root = this.#rootOf(path);
      const reading = visit.reading;
      if (root) this.#nearest(root, path, visit);
      if (visit.reading > reading) visit.readFirst.add(path);
    }
    return 'pause';
  }

  /** Roots that are gone or empty come before what was named in them, which is then unknown, and not so many removals. */
  *#lostRoots(paths: readonly string[], visit: Visit): Generator<void> {
    const roots = new Set(paths.map((path) => this.#rootOf(path)));
    for (const root of roots) {
      if (root && holdsNothing(this.#options.hostPath(root))) yield* this.#root(root, visit, true);
    }
  }

  #rootOf(path: string): string | undefined {
    return this.#options.scope.roots.find((root) => isWithin(path, root));
  }

  *#root(root: string, visit: Visit, isShallow = false): Generator<void> {
    const { tree } = this.#recorder;
    const looked = this.#rootReach.isReachable(root) ? this.#look(root, null, visit) : 'gone';
    if (looked === 'refused') tree.setBlind(root, 'unreadable');
    else if (looked === 'gone') {
      this.#recorder.remove(root, visit);
      tree.setBlind(root, 'missing');
    } else if (looked !== 'done') yield* this.#list(looked, visit, isShallow);
    yield* this.#recorder.finishRest();
  }

  /** Looks at `path`, or at the first part of it that is not a directory that we know. */
  #nearest(root: string, path: string, visit: Visit): Looked {
    let parentDev: number | null = null;
    const { hostPath } = this.#options;
    const { tree } = this.#recorder;
    for (const ancestor of ancestors(root, path)) {
      const isEntered = tree.has(ancestor) && !this.#mounts.isForeign(ancestor);
      const look = isEntered ? lstat(hostPath(ancestor)) : null;
      if (look?.kind !== 'found' || entryTypeOf(look.value.mode) !== 'directory') {
        return this.#look(ancestor, parentDev, visit);
      }
      parentDev = look.value.dev;
    }
    return this.#look(path, parentDev, visit);
  }

  *#list(first: Directory, visit: Visit, isShallow: boolean): Generator<void> {
    const { hostPath, scope } = this.#options;
    const { tree } = this.#recorder;
    const toList = [first];
    for (let directory = toList.pop(); directory; directory = toList.pop()) {
      const { path, stat } = directory;
      const names =
        stat.size < largeDirectoryBytes ? listNames(hostPath(path)) : yield* listNamesInSteps(hostPath(path));
      if (names.kind !== 'found') {
        if (names.kind === 'refused') this.#refuseListing(directory, names.reason, visit);
        else this.#look(path, null, visit);
        yield* this.#recorder.finishRest();
        continue;
      }
      this.#recorder.record(path, stat, noContent, visit);
      if (unicodePath(path) === null) visit.unwatchable += 1;
      const below = path === '/' ? '/' : `${path}/`;
      let looks = 0;
      let isHidden = false;
      for (const child of children(tree.childrenOf(path), names.value, below)) {
        if (++looks % namesPerStep === 0) yield;
        const looked = this.#look(child, stat.dev, visit);
        if (this.#recorder.hasRest) yield* this.#recorder.finishRest();
        if (looked === 'refused') isHidden = true;
        else if (typeof looked === 'object' && !(isShallow && tree.isUnchanged(child, looked.stat))) {
          toList.push(looked);
        }
      }
      const isEmptyRoot = names.value.size === 0 && scope.roots.includes(path);
      tree.setBlind(path, isHidden ? 'unreadable' : isEmptyRoot ? 'empty' : null);
      yield;
    }
  }

  #look(path: string, parentDev: number | null, visit: Visit, attempt = 1): Looked {
    const { scope, hostPath } = this.#options;
    const { tree } = this.#recorder;
    const rule = scope.match(path);
    if (!rule && !scope.leadsToRule(path)) return 'done';
    const isForeignMount = this.#mounts.isForeign(path);
    if (isForeignMount && !this.#mounts.isLocal(path)) {
      this.#recorder.recordMount(path, visit);
      return 'done';
    }
    const look = lstat(hostPath(path));
    if (look.kind === 'gone') {
      this.#recorder.remove(path, visit);
      return 'gone';
    }
    if (look.kind === 'refused') {
      this.#recorder.markStale(path, visit);
      return 'refused';
    }
    const stat = look.value;
    const type = entryTypeOf(stat.mode);
    const isDetached = this.#mounts.isDetached(path);
    if (type === 'directory') {
      const isForeign = parentDev !== null && stat.dev !== parentDev;
      if (isForeignMount || (isForeign && rule && !rule.enterMounts && !scope.isRoot(path))) {
        this.#recorder.recordMount(path, visit);
        return 'done';
      }
      if (!rule) tree.notePassage(path);
      if (!isDetached) return { path, stat };
      this.#refuseListing({ path, stat }, 'detached', visit);
      return 'done';
    }
    this.#recorder.removeBelow(path, visit);
    tree.setBlind(path, null);
    if (!rule) return 'done';
    if (isDetached || (type === 'file' && stat.nlink === 0)) {
      this.#recorder.record(path, stat, { kind: 'unread', reason: 'detached' }, visit);
    } else if (type === 'file') this.#lookAtFile(path, stat, rule.attributes.has('sha256'), visit, attempt);
    else if (visit.readsAll || !tree.isUnchanged(path, stat)) {
      const content = type === 'symlink' && rule.attributes.has('target') ? this.#target(path) : noContent;
      this.#recorder.record(path, stat, content, visit);
    }
    return 'done';
  }

  #lookAtFile(path: string, stat: FileStat, contentCounts: boolean, visit: Visit, attempt: number): void {
    const { maxFileBytes, requestRead } = this.#options;
    const { tree } = this.#recorder;
    if (!visit.readsAll && tree.isUnchanged(path, stat)) return;
    if (attempt === 1 && visit.readFirst.has(path)) return;
    const sequence = this.#recorder.nextSequence();
    if (!contentCounts) this.#recorder.record(path, stat, noContent, visit, sequence);
    else if (stat.size > maxFileBytes) {
      this.#recorder.record(path, stat, { kind: 'unread', reason: 'too-large' }, visit, sequence);
    } else requestRead({ path, stat, sequence, attempt, visit });
  }

  #refuseListing({ path, stat }: Directory, reason: Refusal | 'detached', visit: Visit): void {
    this.#recorder.record(path, stat, { kind: 'unread', reason }, visit);
    this.#recorder.markStaleBelow(path, visit);
    this.#recorder.tree.setBlind(path, 'unreadable');
  }

  #target(path: string): Content {
    const look = readTarget(this.#options.hostPath(path));
    switch (look.kind) {
      case 'found':
        return { kind: 'target', target: look.value };
      case 'refused':
        return { kind: 'unread', reason: look.reason };
      case 'gone':
        return { kind: 'unread', reason: 'unstable' };
    }
  }
}

/**
 * What is known of a directory and not listed, then what is listed. The former is looked at too: some file systems leave a name
 * out that is renamed while the list is made.
 */
function* children(known: Iterable<string>, names: ReadonlySet<string>, below: string): Generator<string> {
  for (const path of known) if (!names.has(path.slice(below.length))) yield path;
  for (const name of names) yield below + name;
}

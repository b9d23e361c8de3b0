/**
 * What the agent knows of the file tree: the manifest, what lstat said of each path, which path lies in which
 * directory, and what could not be seen.
 *
 * The rule about order: every observation carries the sequence of the read that made it, and an older read never
 * overwrites a newer one, nor brings back a path that was seen to be gone since.
 */
import type { BlindReason } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';
import { Manifest } from '@holdfast/shared/manifest';
import { parentOf } from '@holdfast/shared/path-text';
import type { BlindSpot } from '@holdfast/shared/visibility';
import type { FileStat } from './file-stat.ts';
import type { Content } from './make-entry.ts';
import { SignatureTable } from './signature-table.ts';

/** One path's entry before and after an observation; null where it was not there. */
export interface Difference {
  readonly path: string;
  readonly before: Entry | null;
  readonly after: Entry | null;
}

const nothing: ReadonlySet<string> = new Set();

export class ObservedTree {
  readonly manifest: Manifest;
  readonly #signatures = new SignatureTable();
  readonly #children = new Map<string, Set<string>>();
  readonly #blindSpots = new Map<string, BlindReason>();
  /** Sequences of removals that a read in flight may be older than. */
  readonly #removals = new Map<string, number>();
  #blindSpotsRevision = 0;

  constructor(scopeDigest: string) {
    this.manifest = new Manifest(scopeDigest);
  }

  /** Paths directly below `directory` that have an entry, or lead to one. */
  childrenOf(directory: string): ReadonlySet<string> {
    return this.#children.get(directory) ?? nothing;
  }

  /** Whether `path` has an entry, or leads to one. */
  has(path: string): boolean {
    return this.manifest.get(path) !== undefined || this.#children.has(path);
  }

  /** Whether `path` was read when lstat said the same of it. */
  isUnchanged(path: string, stat: FileStat): boolean {
    return this.#signatures.matches(path, stat);
  }

  /**
   * Whether lstat and `content` are those of the entry that is known: most of what a full scan finds. An observation
   * would come to the same, at ten times the cost.
   */
  confirm(path: string, stat: FileStat, content: Content, sequence: number): boolean {
    if (content.kind === 'unread' || !this.#signatures.matches(path, stat)) return false;
    const entry = this.manifest.get(path);
    const sha256 = content.kind === 'sha256' ? content.sha256 : undefined;
    const target = content.kind === 'target' ? content.target : undefined;
    if (!entry || entry.unread || entry.sha256 !== sha256 || entry.target !== target) return false;
    if (sequence > this.#newestOf(path)) this.#signatures.touch(path, sequence);
    return true;
  }

  /**
   * Takes an entry in. `stat` null: the entry is looked at again at the next sweep, whatever lstat says then.
   * Returns null if nothing changed, or if the read is older than what is known.
   */
  observe(entry: Entry, stat: FileStat | null, sequence: number): Difference | null {
    const { path } = entry;
    if (sequence < this.#newestOf(path)) return null;
    this.notePassage(path);
    this.#signatures.set(path, sequence, stat);
    const before = this.manifest.get(path) ?? null;
    return this.manifest.set(entry) ? { path, before, after: entry } : null;
  }

  /** Notes a directory that has no entry of its own but leads to some, so that they go when it goes. */
  notePassage(path: string): void {
    if (path === '/') return;
    const parent = parentOf(path);
    const siblings = this.#children.get(parent);
    if (siblings) siblings.add(path);
    else this.#children.set(parent, new Set([path]));
  }

  /**
   * `path` is gone, and everything below it, which goes first. As this and the two after it may be about 100,000 paths,
   * each does its work as its differences are taken; in between, other observations may be made.
   */
  *remove(path: string, sequence: number): Generator<Difference> {
    yield* this.removeBelow(path, sequence);
    if (this.#blindSpots.size > 0) this.setBlind(path, null);
    let before: Entry | undefined;
    if (sequence >= this.#newestOf(path)) {
      before = this.manifest.get(path);
      this.#removals.set(path, sequence);
      if (before) {
        this.#signatures.delete(path);
        this.manifest.delete(path);
      }
    }
    this.#prune(path);
    if (before) yield { path, before, after: null };
  }

  /** Everything below `directory` is gone; it itself stands, as something else. */
  *removeBelow(directory: string, sequence: number): Generator<Difference> {
    for (const path of this.childrenOf(directory)) yield* this.remove(path, sequence);
  }

  /** `directory` could not be listed: what is below it stays as it was, marked. */
  *markStaleBelow(directory: string, sequence: number): Generator<Difference> {
    for (const path of this.childrenOf(directory)) {
      const before = this.manifest.get(path);
      if (before && sequence >= this.#newestOf(path)) {
        const difference = this.observe({ ...before, unread: 'stale' }, null, sequence);
        if (difference) yield difference;
      }
      yield* this.markStaleBelow(path, sequence);
    }
  }

  get blindSpots(): readonly BlindSpot[] {
    return Array.from(this.#blindSpots, ([path, reason]) => ({ path, reason }));
  }

  /** Grows when the blind spots change. */
  get blindSpotsRevision(): number {
    return this.#blindSpotsRevision;
  }

  setBlind(path: string, reason: BlindReason | null): void {
    if ((this.#blindSpots.get(path) ?? null) === reason) return;
    if (reason) this.#blindSpots.set(path, reason);
    else this.#blindSpots.delete(path);
    this.#blindSpotsRevision += 1;
  }

  /** To be called when no read is in flight: no later observation can be older than a removal then. */
  forgetRemovals(): void {
    this.#removals.clear();
  }

  #newestOf(path: string): number {
    return this.#signatures.sequenceOf(path) ?? this.#removals.get(path) ?? 0;
  }

  /** Takes `path` out of the directory index unless it still has, or leads to, an entry. */
  #prune(path: string): void {
    if (this.manifest.get(path) || this.#children.has(path)) return;
    const siblings = this.#children.get(parentOf(path));
    if (siblings?.delete(path) && siblings.size === 0) this.#children.delete(parentOf(path));
  }
}

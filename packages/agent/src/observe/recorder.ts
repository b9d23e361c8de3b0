/** Takes what a look found into the observed tree, and tells the differences. Hands out the sequence of reads. */
import type { UnreadReason } from '@holdfast/shared/entry';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { FileStat } from '#core/file-stat';
import { type Content, makeEntry } from '#core/make-entry';
import type { Difference, ObservedTree } from '#core/observed-tree';
import type { ChangeFeed } from './change-feed.ts';
import type { Visit } from './visit.ts';

/** Paths that are taken out or marked between two yields. */
export const differencesPerStep = 128;

const passingReasons: ReadonlySet<UnreadReason> = new Set(['unstable', 'io-error', 'detached']);

interface Rest {
  readonly differences: Iterator<Difference>;
  readonly visit: Visit;
}

export class Recorder {
  readonly tree: ObservedTree;
  readonly #scope: ScopeMatcher;
  readonly #feed: ChangeFeed;
  readonly #rest: Rest[] = [];
  #sequence = 0;

  constructor(scope: ScopeMatcher, tree: ObservedTree, feed: ChangeFeed) {
    this.#scope = scope;
    this.tree = tree;
    this.#feed = feed;
  }

  /** To be taken before the read whose result it orders. */
  nextSequence(): number {
    return ++this.#sequence;
  }

  record(path: string, stat: FileStat, content: Content, visit: Visit, sequence = this.nextSequence()): void {
    if (this.tree.confirm(path, stat, content, sequence)) return;
    const rule = this.#scope.match(path);
    if (!rule) return;
    // What could not be read for a reason that may pass is looked at again by the next sweep.
    const isPassing = content.kind === 'unread' && passingReasons.has(content.reason);
    const entry = makeEntry(path, rule.attributes, stat, content);
    this.#feed.add(this.tree.observe(entry, isPassing ? null : stat, sequence), visit);
  }

  /** Nothing is known of a mount but its being there. */
  recordMount(path: string, visit: Visit): void {
    this.removeBelow(path, visit);
    this.#feed.add(this.tree.observe({ path, type: 'mount' }, null, this.nextSequence()), visit);
    this.tree.setBlind(path, 'mount');
  }

  /** `path` could not be looked at: it and what is below it stay as they were, marked. */
  markStale(path: string, visit: Visit): void {
    const entry = this.tree.manifest.get(path);
    if (entry) {
      this.#feed.add(this.tree.observe({ ...entry, unread: 'stale' }, null, this.nextSequence()), visit);
    }
    this.markStaleBelow(path, visit);
  }

  markStaleBelow(path: string, visit: Visit): void {
    this.#take(this.tree.markStaleBelow(path, this.nextSequence()), visit);
  }

  remove(path: string, visit: Visit): void {
    if (this.tree.has(path)) this.#take(this.tree.remove(path, this.nextSequence()), visit);
  }

  removeBelow(path: string, visit: Visit): void {
    if (this.tree.childrenOf(path).size > 0) {
      this.#take(this.tree.removeBelow(path, this.nextSequence()), visit);
    }
  }

  /** Whether some of the above is not done yet, because it was about many paths. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  *finishRest(): Generator<void> {
    for (let rest = this.#rest.at(-1); rest; rest = this.#rest.at(-1)) {
      if (this.#takeSome(rest)) this.#rest.pop();
      else yield;
    }
  }

  #take(differences: Iterator<Difference>, visit: Visit): void {
    const rest = { differences, visit };
    if (!this.#takeSome(rest)) this.#rest.push(rest);
  }

  /** Returns whether that were all. */
  #takeSome({ differences, visit }: Rest): boolean {
    for (let taken = 0; taken < differencesPerStep; taken++) {
      const next = differences.next();
      if (next.done) return true;
      this.#feed.add(next.value, visit);
    }
    return false;
  }
}

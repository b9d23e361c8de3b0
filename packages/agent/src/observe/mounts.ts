/**
 * The mounts in the scope: which of them walks stay out of, and which no longer show what lies where they were mounted
 * from. A container's mount of a file or directory stays with the inode: when the host moves that away, or puts another
 * in its place, what the mount shows never changes again.
 */
import type { ScopeMatcher } from '@holdfast/shared/scope';
import { isWithin } from '@holdfast/shared/path-text';
import { isSourceGone, type MountPoint, type MountPoints } from '#core/mount-points';
import type { HostPath } from '#io/tree/host-path';
import { lstat } from '#io/tree/look-at';

export interface MountsOptions {
  readonly scope: ScopeMatcher;
  readonly hostPath: HostPath;
  readonly read: () => MountPoints;
}

/** What a mount showed when it was first seen. */
interface FirstSeen {
  readonly dev: number;
  readonly ino: number;
  readonly source: string;
}

export class Mounts {
  readonly #options: MountsOptions;
  readonly #firstSeen = new Map<string, FirstSeen>();
  #points: MountPoints = new Map();
  #detached: readonly string[] = [];

  constructor(options: MountsOptions) {
    this.#options = options;
  }

  /** To be called before each walk. */
  refresh(): void {
    this.#points = this.#options.read();
    this.#detached = [...this.#points].filter((mount) => this.#isDetached(...mount)).map(([path]) => path);
  }

  /** Whether another file system is mounted on `path`, and the scope does not enter it. A single file that is mounted can be read. */
  isForeign(path: string): boolean {
    if (!this.#points.has(path)) return false;
    const { scope } = this.#options;
    const rule = scope.match(path);
    return rule !== null && !rule.enterMounts && !scope.isRoot(path);
  }

  /** Whether the mount on `path` may be looked at: a dead server would hang an lstat. */
  isLocal(path: string): boolean {
    return this.#points.get(path)?.isLocal ?? true;
  }

  /** Whether `path` is seen through a mount whose source was moved away, or replaced, since it was mounted. */
  isDetached(path: string): boolean {
    return this.#detached.some((mount) => isWithin(path, mount));
  }

  #isDetached(path: string, point: MountPoint): boolean {
    const { scope, hostPath } = this.#options;
    const isInTheWay = scope.leadsToRule(path) || scope.match(path) !== null;
    if (!isInTheWay || (!point.isLocal && this.isForeign(path))) return false;
    if (isSourceGone(point)) return true;
    const look = lstat(hostPath(path));
    if (look.kind !== 'found') return false;
    const { dev, ino } = look.value;
    const first = this.#firstSeen.get(path);
    if (first?.dev === dev && first.ino === ino) return first.source !== point.source;
    this.#firstSeen.set(path, { dev, ino, source: point.source }); // mounted since, or mounted anew
    return false;
  }
}

/** What the agent takes from the rows of a new database, as they come: counts, and where the engines may disagree. */
import { lstatSync } from 'node:fs';
import { type AideSpec, aidePath } from '@holdfast/shared/aide-database';
import { AideFields } from '@holdfast/shared/aide-row';
import type { Entry } from '@holdfast/shared/entry';
import type { Manifest } from '@holdfast/shared/manifest';
import type { ScopeMatcher } from '@holdfast/shared/scope';
import type { ScanResult } from '@holdfast/shared/wire';
import { type AideRun, maxAideMoved } from '@holdfast/shared/wire-aide';
import { hostPathsUnder } from '#io/tree/host-path';

export interface RowTallyOptions {
  /** A byte string. */
  readonly hostRoot: string;
  readonly manifest: Manifest;
  readonly scope: ScopeMatcher;
}

/** The kernel's clock for files may lie behind the one that programs read. */
const clockMarginMs = 50;

export class RowTally {
  /** Files without the hash that counts, though our own scan could read them. */
  unhashed = 0;
  readonly #options: RowTallyOptions;
  /** Paths whose row is not what our own engine sees. */
  readonly #suspects: string[] = [];
  #hashed = 0;
  #bytes = 0;

  constructor(options: RowTallyOptions) {
    this.#options = options;
  }

  take(line: string, spec: AideSpec): void {
    const fields = new AideFields(line, spec);
    const path = aidePath(fields.field('name'));
    const entry = this.#options.manifest.get(path);
    if (entry && this.#suspects.length < maxAideMoved && !isAlike(fields, entry)) this.#suspects.push(path);
    if (!fields.field('perm').padStart(6, '0').startsWith('10')) return;
    if (fields.has('sha256')) {
      this.#hashed += 1;
      this.#bytes += Number(fields.field('size'));
    } else if (this.#shouldBeHashed(path, entry)) this.unhashed += 1;
  }

  /** Of the paths that the engines see differently, those that have changed since `ms` (since 1970), or are gone. */
  changedSince(ms: number): string[] {
    const hostPath = hostPathsUnder(this.#options.hostRoot);
    return this.#suspects.filter((path) => {
      try {
        return lstatSync(hostPath(path)).ctimeMs >= ms - clockMarginMs;
      } catch {
        return true;
      }
    });
  }

  scanResult({ startedAt, durationMs, entries, added, removed, changed }: Omit<AideRun, 'id'>): ScanResult {
    return {
      net: 'aide',
      startedAt,
      durationMs,
      entries,
      hashed: this.#hashed,
      bytes: this.#bytes,
      unread: this.unhashed,
      changed: (added ?? 0) + (removed ?? 0) + (changed ?? 0),
    };
  }

  #shouldBeHashed(path: string, entry: Entry | undefined): boolean {
    const counts = this.#options.scope.match(path)?.attributes.has('sha256') ?? true;
    return counts && entry?.unread === undefined;
  }
}

/** In what tells a file that moved; what is left out here is compared by the collector. */
function isAlike(row: AideFields, { mode, uid, gid, sha256 }: Entry): boolean {
  const hasHash = sha256 !== undefined && row.has('sha256');
  if (hasHash && row.field('sha256') !== Buffer.from(sha256, 'hex').toString('base64')) return false;
  const is = (name: 'uid' | 'gid', value: number | undefined) =>
    value === undefined || !row.has(name) || Number(row.field(name)) === value;
  const permissions = Number.parseInt(row.field('perm'), 8) & 0o7777;
  return is('uid', uid) && is('gid', gid) && (mode === undefined || !row.has('perm') || permissions === mode);
}

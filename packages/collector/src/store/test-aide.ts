/** A node with two engines, for tests: what lies on its disk, what our agent reports of it, and what AIDE would. */
import { hash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type AideDatabase, aideDatabaseText, readAideDatabase } from '@holdfast/shared/aide-database';
import { compareAideDatabases } from '@holdfast/shared/aide-compare';
import type { Entry } from '@holdfast/shared/entry';
import type { Scope } from '@holdfast/shared/scope';
import type { Report } from '@holdfast/shared/wire';
import type { AideReport, AideRun } from '@holdfast/shared/wire-aide';
import { TestAgent } from '#store/test-node';
import type { Store } from '#store/store';

export const aideSpecLine =
  '@@db_spec name lname perm uid gid size inode lcount attr acl sha256 selinux xattrs e2fsattrs capabilities ';
const attrOfFile = 112744990781;
const capsBit = 2 ** 37;
const contentBit = 2 ** 30;
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');

/** A file as it lies on the disk. */
export interface TestFile {
  readonly content: string;
  readonly mode: number;
  /** Users with an entry of their own in the access control list. */
  readonly acl: string;
  readonly caps: string;
  readonly xattr: string;
}

export const plainFile: TestFile = { content: 'a', mode: 0o644, acl: '', caps: '', xattr: '' };

export function entryOfFile(path: string, { content, mode }: TestFile): Entry {
  return {
    path,
    type: 'file',
    mode,
    uid: 0,
    gid: 0,
    size: content.length,
    sha256: hash('sha256', content),
  };
}

export function lineOfFile(path: string, file: TestFile, isRead = true): string {
  const { content, mode, acl, caps, xattr } = file;
  const attr = attrOfFile + (caps === '' ? 0 : capsBit) - (isRead ? 0 : contentBit);
  const bits = (shift: number) => {
    const three = (mode >> shift) & 7;
    return `${three & 4 ? 'r' : '-'}${three & 2 ? 'w' : '-'}${three & 1 ? 'x' : '-'}`;
  };
  const list = [
    `user::${bits(6)}`,
    ...(acl === '' ? [] : [`user:${acl}:r--`]),
    `group::${acl === '' ? bits(3) : 'r--'}`,
    ...(acl === '' ? [] : [`mask::${bits(3)}`]),
    `other::${bits(0)}`,
  ];
  const sha256 = isRead ? base64(Buffer.from(hash('sha256', content), 'hex')) : '0';
  const owner = `0 ${(0o100000 | mode).toString(8)} 0 0 ${content.length}`;
  const own = xattr === '' ? '0' : `1,user.note,${base64(xattr)}`;
  const acls = `POSIX,${base64(`${list.join('\n')}\n`)},0`;
  return `${path} ${owner} 7 1 ${attr} ${acls} ${sha256} 0 ${own} 524288 ${caps === '' ? '0' : base64(caps)}`;
}

/** What a test may say of a run. */
export type RunOptions = Partial<AideRun> & Partial<Pick<AideReport, 'status' | 'reason' | 'version'>>;

export class TwoEngineNode {
  readonly agent: TestAgent;
  readonly files = new Map<string, TestFile>();
  /** Paths whose content AIDE may not read. */
  readonly unreadable = new Set<string>();
  /** Paths whose content neither engine may read. */
  readonly locked = new Set<string>();
  configDigest = 'c'.repeat(64);
  /** What the collector last said that AIDE is to be checked against. */
  baseline: string | null = null;
  readonly #store: Store;
  #runs = 0;

  constructor(store: Store, files: Readonly<Record<string, Partial<TestFile>>>, name = 'n1') {
    this.#store = store;
    for (const [path, file] of Object.entries(files)) this.files.set(path, { ...plainFile, ...file });
    this.agent = new TestAgent(
      name,
      Array.from(this.files, ([path, file]) => entryOfFile(path, file)),
    );
    this.agent.now = Date.parse('2026-03-01T00:00:00.000Z');
  }

  get name(): string {
    return this.agent.name;
  }

  /** Reports, makes a first baseline and AIDE's first database. */
  async introduce(): Promise<this> {
    for (const path of this.locked) this.agent.manifest.set(this.#entry(path, this.files.get(path)!));
    await this.agent.introduce(this.#store);
    await this.runAide();
    return this;
  }

  /** From now on another scope, and the configuration that comes of it. */
  rescope(scope: Scope, configDigest: string): void {
    this.agent.rescope(scope, [...this.agent.manifest.entries()]);
    this.configDigest = configDigest;
  }

  /** Changes a file on the disk, behind our agent's back. */
  put(path: string, file: Partial<TestFile> | null): void {
    if (file) this.files.set(path, { ...plainFile, ...this.files.get(path), ...file });
    else this.files.delete(path);
  }

  /** Changes a file, and our agent tells of it. */
  async change(path: string, file: Partial<TestFile> | null): Promise<void> {
    this.put(path, file);
    await this.look();
  }

  /** Our agent reports the disk as it is. */
  async look(more: Partial<Report> = {}): Promise<void> {
    const entries = new Map(Array.from(this.files, ([path, file]) => [path, this.#entry(path, file)]));
    const held = new Map([...this.agent.manifest.entries()].map((entry) => [entry.path, entry]));
    const upserts = [...entries.values()].filter(
      (entry) => JSON.stringify(held.get(entry.path)) !== JSON.stringify(entry),
    );
    const removed = [...held.keys()].filter((path) => !entries.has(path));
    await this.agent.tell(this.#store, upserts, removed, { ...more, ...this.clock() });
    this.baseline = (await this.aide())?.baseline?.digest ?? null;
  }

  #entry(path: string, file: TestFile): Entry {
    const { size: _, sha256: __, ...rest } = entryOfFile(path, file);
    return this.locked.has(path) ? { ...rest, unread: 'permission' } : entryOfFile(path, file);
  }

  /** The agent's clock is right. */
  clock(): Pick<Report, 'agent'> {
    const clock = new Date(this.agent.now + 1000).toISOString();
    const agent = { version: '1', kernel: '6', os: 'Linux', machineId: this.agent.machineId };
    return { agent: { ...agent, clock, startedAt: clock } };
  }

  /** What AIDE makes of the disk as it is now. */
  database(): string {
    const lines = Array.from(this.files, ([path, file]) =>
      lineOfFile(path, file, !this.unreadable.has(path) && !this.locked.has(path)),
    );
    return aideDatabaseText(aideSpecLine, lines);
  }

  /** AIDE runs over the disk as it is, and the agent tells of it `afterMs` later. */
  async runAide(options: RunOptions = {}, afterMs = 5000): Promise<void> {
    const { text, run } = await this.beginRun(options);
    this.agent.now += afterMs;
    await this.endRun(text, run, options);
  }

  /** A run whose reading is done; {@link endRun} tells of it. */
  async beginRun(options: RunOptions = {}): Promise<{ text: string; run: AideRun }> {
    const text = this.database();
    const digest = hash('sha256', text);
    const now = read(text);
    const isCounted = this.baseline !== null && options.changed === undefined;
    const before = isCounted ? read((await this.text(this.baseline!))!) : null;
    const { counts } = before ? compareAideDatabases(before, now) : { counts: noCounts };
    const isSame = counts.added + counts.removed + counts.changed === 0;
    const { status: _, reason: __, version: ___, ...said } = options;
    this.#runs += 1;
    const run: AideRun = {
      id: this.#runs.toString(16).padStart(32, '0'),
      startedAt: new Date(this.agent.now).toISOString(),
      durationMs: 1000,
      exit: (counts.added ? 1 : 0) + (counts.removed ? 2 : 0) + (counts.changed ? 4 : 0),
      baseline: this.baseline,
      database: digest,
      configDigest: this.configDigest,
      entries: now.rows.size,
      ...counts,
      warnings: [],
      warningsTotal: 0,
      verdict: isSame ? 'same' : 'drift',
      ...said,
    };
    return { text, run };
  }

  async endRun(
    text: string,
    run: AideRun,
    { status = run.verdict, reason = null, version = '0.18.3' }: RunOptions = {},
  ): Promise<void> {
    const digest = hash('sha256', text);
    const packed = zstdCompressSync(text);
    const database = { digest, entries: run.entries, bytes: text.length, packed };
    await this.#store.aide.putDatabase(this.name, database, this.agent.now);
    const aide: AideReport = { status, reason, version, degraded: [], run };
    await this.look({ aide });
  }

  async text(digest: string): Promise<string | null> {
    const packed = await this.#store.aide.database(this.name, digest);
    if (!packed) return null;
    return zstdDecompressSync(packed).toString('latin1');
  }

  async aide() {
    return (await this.#store.node(this.name))?.state.aide ?? null;
  }

  async accept(paths: readonly string[] | null = null): Promise<void> {
    await this.agent.mustAccept(this.#store, { paths });
    this.baseline = (await this.aide())?.baseline?.digest ?? null;
  }

  /** `engines path attributes`, as both engines see it. */
  async drift(): Promise<string[]> {
    const drifts = await this.#store.standingDrift(this.name);
    return drifts.map(({ path, change, attributes, before, after, aide }) => {
      const engines = [...(before || after ? ['native'] : []), ...(aide ? ['aide'] : [])];
      const all = [...new Set<string>([...attributes, ...(aide?.attributes ?? [])])];
      return `${engines.join('+')} ${change} ${path} ${all.join(',')}`.trim();
    });
  }
}

const noCounts = { added: 0, removed: 0, changed: 0 };

function read(text: string): AideDatabase {
  const database = readAideDatabase(text);
  if (typeof database === 'string') throw new Error(database);
  return database;
}

/** The store of sweeps on SQLite. It keeps nothing in memory, so a command may write beside the collector that serves. */
import { randomBytes } from 'node:crypto';
import type { AuditRecord, Millis } from '#core/node-state';
import type { GroupCommit } from '#store/group-commit';
import { reading } from '#store/storage-error';
import type {
  PushedSweep,
  SweepEnd,
  SweepRecord,
  SweepScope,
  SweepStart,
  SweepStore,
  TakenSweep,
} from '#store/sweep-store';
import { type SweepRows } from '#store/sweep-rows';
import type { Tables } from '#store/tables';
import { isPerpetual, standingRuns } from '#sweep/core/perpetual';
import { causeOf, type StackResult } from '#sweep/core/stack-result';
import { type EndedSweep, nextStackState, type StackState } from '#sweep/core/stack-state';

/** Past results that are looked at to tell whether a difference will ever settle. */
const maxHistory = 2 * standingRuns;

export class SqliteSweeps implements SweepStore {
  readonly #rows: SweepRows;
  readonly #stacks: Tables['stacks'];
  readonly #commits: GroupCommit;
  readonly #audit: Tables['audit'];

  constructor({ sweeps, stacks, audit }: Pick<Tables, 'sweeps' | 'stacks' | 'audit'>, commits: GroupCommit) {
    this.#rows = sweeps;
    this.#stacks = stacks;
    this.#commits = commits;
    this.#audit = audit;
  }

  salt() {
    const fresh = randomBytes(32).toString('hex');
    return this.#commits.run(() => this.#rows.salt(fresh));
  }

  begin(start: SweepStart, stacks: readonly StackResult[], audit: AuditRecord | null) {
    return this.#commits.run(() => {
      const sweep = this.#rows.add(start, null);
      for (const result of stacks) this.#rows.setResult(sweep, result);
      if (audit) this.#audit.add(audit);
    });
  }

  discovered(id: string, scope: SweepScope, stacks: readonly StackResult[]) {
    return this.#commits.run(() => {
      const sweep = this.#idOf(id);
      this.#rows.setScope(sweep, scope);
      this.#rows.dropResults(sweep);
      for (const result of stacks) this.#rows.setResult(sweep, result);
    });
  }

  keep(id: string, results: readonly StackResult[]) {
    return this.#commits.run(() => {
      const sweep = this.#idOf(id);
      for (const result of results) this.#rows.setResult(sweep, result);
    });
  }

  finish(id: string, end: SweepEnd, results: readonly StackResult[] | null) {
    return this.#commits.run(() => this.#finish(id, end, results, end.endedAt));
  }

  take({ start, scope, end, results, digest, receivedAt }: PushedSweep): Promise<TakenSweep> {
    return this.#commits.run((): TakenSweep => {
      const known = this.#rows.byName(start.id);
      if (known) return { kind: known.digest === digest ? 'repeated' : 'conflict' };
      const sweep = this.#rows.add(start, digest);
      if (scope) this.#rows.setScope(sweep, scope);
      this.#finish(start.id, end, results, receivedAt);
      return { kind: 'taken' };
    });
  }

  async running() {
    return reading(() => this.#rows.running());
  }

  async sweep(id: string) {
    return reading(() => this.#rows.byName(id)?.record ?? null);
  }

  async sweeps(before: string | null, limit: number) {
    return reading(() => {
      const from = before === null ? Number.MAX_SAFE_INTEGER : (this.#rows.byName(before)?.id ?? 0);
      return this.#rows.before(from, limit);
    });
  }

  async resultsOf(sweep: string) {
    return reading(() => {
      const known = this.#rows.byName(sweep);
      return known ? this.#rows.results(known.id) : [];
    });
  }

  async stacks() {
    return reading(() => this.#stacks.all());
  }

  async stack(name: string) {
    return reading(() => this.#stacks.one(name));
  }

  async outcomesOf(stack: string, limit: number) {
    return reading(() => this.#rows.outcomesOf(stack, limit));
  }

  async lastWhole() {
    return reading(() => this.#rows.lastWhole());
  }

  async lastEnded() {
    return reading(() => this.#rows.lastEnded());
  }

  #finish(id: string, end: SweepEnd, results: readonly StackResult[] | null, now: Millis): void {
    const known = this.#rows.byName(id);
    if (!known) throw new Error(`no sweep ${id} has begun`);
    for (const result of results ?? []) this.#rows.setResult(known.id, result);
    this.#rows.setEnd(known.id, end);
    const all = this.#rows.results(known.id);
    for (const result of all) this.#take(result, { sweep: id, sweptAt: end.endedAt, now });
    if (known.record.only !== null || end.phase !== 'finished') return;
    const found = new Set(all.map(({ stack }) => stack));
    this.#forgetOthers(found, known.record, { sweptAt: end.endedAt, now });
  }

  #take(result: StackResult, ended: Omit<EndedSweep, 'isPerpetual'>): void {
    const before = this.#stacks.one(result.stack);
    const isPerpetual = causeOf(result.outcome) !== null && this.#isPerpetual(result, before);
    const after = nextStackState(before, result, { ...ended, isPerpetual });
    if (after !== before) this.#stacks.set(after);
  }

  /** What stands as it did stays what it was: the history that is looked at ends before the stack began. */
  #isPerpetual({ stack, fingerprint }: StackResult, before: StackState | null): boolean {
    if (before?.isPerpetual && fingerprint !== null && before.measured?.fingerprint === fingerprint)
      return true;
    const history = this.#rows
      .outcomesOf(stack, maxHistory)
      .map(({ result }) => result)
      .reverse();
    return isPerpetual(history, history.length === (before?.sweeps ?? 0) + 1);
  }

  /** Stacks that are gone from the source; unless another sweeper has them, or a newer sweep knew them. */
  #forgetOthers(
    found: ReadonlySet<string>,
    sweep: SweepRecord,
    { sweptAt, now }: Pick<EndedSweep, 'sweptAt' | 'now'>,
  ): void {
    const sweepers = new Map<string, string | null>();
    const sweeperWhoKnew = (id: string) => {
      if (!sweepers.has(id)) sweepers.set(id, sweeperOf(this.#rows.byName(id)?.record ?? null));
      return sweepers.get(id) ?? null;
    };
    const gone = this.#stacks.all().filter((state) => {
      if (found.has(state.stack) || (state.sweptAt > sweptAt && state.sweptAt <= now)) return false;
      const sweeper = sweeperWhoKnew(state.sweep);
      return sweeper === null || sweeper === sweeperOf(sweep);
    });
    for (const { stack } of gone) this.#stacks.drop(stack);
  }

  #idOf(name: string): number {
    const known = this.#rows.byName(name);
    if (!known) throw new Error(`no sweep ${name} has begun`);
    return known.id;
  }
}

/** Who swept: this collector, or a job by its token's name. Null if the sweep is so old that it is not kept. */
function sweeperOf(sweep: SweepRecord | null): string | null {
  if (sweep === null) return null;
  return sweep.trigger === 'push' ? `job ${sweep.who}` : 'here';
}

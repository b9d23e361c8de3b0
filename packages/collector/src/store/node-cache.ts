/**
 * The newest record of every node, in memory and in step with the database: what a batch writes lies beside until the
 * batch is durable, and only then takes the place of what was known.
 */
import type { CommitFollower } from '#store/group-commit';
import type { NodeRecord } from '#store/node-rows';

export class NodeCache implements CommitFollower {
  readonly #durable = new Map<string, NodeRecord>();
  /** Kept in the batch, not durable yet. */
  readonly #batch = new Map<string, NodeRecord>();
  /** Written by the operation that is running. */
  #written: NodeRecord | null = null;

  constructor(records: Iterable<NodeRecord>) {
    for (const record of records) this.#durable.set(record.state.name, record);
  }

  /** For an operation: what it would read from the database. */
  current(name: string): NodeRecord | null {
    return this.#batch.get(name) ?? this.#durable.get(name) ?? null;
  }

  /** For an operation: all of them, in no order. */
  *currentAll(): Generator<NodeRecord> {
    for (const [name, record] of this.#durable) yield this.#batch.get(name) ?? record;
    for (const [name, record] of this.#batch) if (!this.#durable.has(name)) yield record;
  }

  /** For readers: what is durable. */
  durable(name: string): NodeRecord | null {
    return this.#durable.get(name) ?? null;
  }

  durableAll(): Iterable<NodeRecord> {
    return this.#durable.values();
  }

  /** The running operation has written `record`. An operation writes one node at most, and once. */
  write(record: NodeRecord): void {
    this.#written = record;
  }

  operationKept(): void {
    if (this.#written) this.#batch.set(this.#written.state.name, this.#written);
    this.#written = null;
  }

  operationUndone(): void {
    this.#written = null;
  }

  committed(): void {
    for (const [name, record] of this.#batch) this.#durable.set(name, record);
    this.#batch.clear();
  }

  rolledBack(): void {
    this.#batch.clear();
    this.#written = null;
  }
}

/**
 * How much one node may make the collector write and read, so that a bad agent cannot fill the disk or keep the others
 * waiting. What was used up comes back steadily; a node that was quiet may use the amount of many hours at once, because
 * honest nodes come with much at a time: an upgrade, or what an outbox gathered.
 *
 * A report is taken whole as long as anything is left, whatever it costs; after that the node has to wait until it is
 * paid for. So no report is too large to be ever taken.
 */

export interface NodeQuotaLimits {
  readonly eventsPerHour: number;
  readonly bytesPerHour: number;
}

const hourMs = 3_600_000;
/** So many hours' worth may be used at once. */
export const burstHours = { events: 40, bytes: 8 } as const;
/** What a report costs at least: it is work, however small it is. */
export const minReportBytes = 4096;

/** Callers may name nodes that do not exist. Beyond this, the one that reported longest ago is forgotten. */
export const maxNodesRemembered = 100_000;

type Kind = keyof typeof burstHours;

export class NodeQuota {
  readonly #msPerUnit: Readonly<Record<Kind, number>>;
  /** By node, until when what it used is not paid for. */
  readonly #paidAt = { events: new Map<string, number>(), bytes: new Map<string, number>() };

  constructor({ eventsPerHour, bytesPerHour }: NodeQuotaLimits) {
    this.#msPerUnit = { events: hourMs / eventsPerHour, bytes: hourMs / bytesPerHour };
  }

  /** How long the node has to wait, in milliseconds; 0 if it may report. `now` is from any origin. */
  waitMs(node: string, now: number): number {
    const wait = (kind: Kind) => (this.#paidAt[kind].get(node) ?? now) - now - burstHours[kind] * hourMs;
    return Math.max(0, Math.ceil(wait('events')), Math.ceil(wait('bytes')));
  }

  usedBytes(node: string, bytes: number, now: number): void {
    this.#use('bytes', node, Math.max(bytes, minReportBytes), now);
  }

  usedEvents(node: string, events: number, now: number): void {
    if (events > 0) this.#use('events', node, events, now);
  }

  #use(kind: Kind, node: string, amount: number, now: number): void {
    const paidAt = this.#paidAt[kind];
    const from = Math.max(paidAt.get(node) ?? now, now);
    paidAt.delete(node);
    paidAt.set(node, from + amount * this.#msPerUnit[kind]);
    for (const oldest of paidAt.keys()) {
      if (paidAt.size <= maxNodesRemembered) break;
      paidAt.delete(oldest);
    }
  }
}

/** A synthetic node that talks to a collector: retries as an agent does, and remembers what was promised. */
import type { BaseMismatch, Report, ReportAnswer } from '@holdfast/shared/wire';
import { call, type Reply } from './api.ts';
import { agentToken } from './process.ts';
import type { SyntheticNode } from './synthetic-fleet.ts';

export class SyntheticAgent {
  readonly node: SyntheticNode;
  readonly #url: string;
  /** The report that has not been answered; it is repeated as it is. */
  #unanswered: Report | null = null;
  /** The digest that the last unanswered report would lead to. */
  inFlight: string | null = null;

  constructor(url: string, node: SyntheticNode) {
    this.#url = url;
    this.node = node;
  }

  /** Sends one report, once. Throws if there is no answer; the report is then repeated by the next call. */
  async send(report: Report): Promise<Reply<ReportAnswer | BaseMismatch>> {
    this.#unanswered ??= report;
    this.inFlight = this.#unanswered.result;
    const sent = this.#unanswered;
    const reply = await postReport(this.#url, this.node.name, sent);
    if (reply.status >= 500) throw new Error(`status ${reply.status}: ${reply.text}`);
    this.#unanswered = null;
    if (reply.status === 200) this.node.base = (reply.body as ReportAnswer).observed;
    return reply;
  }

  /** Sends until the collector holds the node's present manifest. Throws if there is no answer. */
  async converge(): Promise<void> {
    while (this.#unanswered) await this.send(this.#unanswered);
    for (let round = 0; round < 4; round++) {
      const reply = await this.send(this.node.probe());
      if (reply.status === 200) return;
      const body = reply.body as BaseMismatch;
      if (reply.status !== 409 || body.code !== 'base-mismatch') throw new Error(`refused: ${reply.text}`);
      const again = await this.send(this.node.resynchronisation(body.observed, body.bucketDigests));
      if (again.status === 200) return;
    }
    throw new Error(`${this.node.name} does not converge`);
  }
}

export function postReport(
  url: string,
  node: string,
  report: Report,
): Promise<Reply<ReportAnswer | BaseMismatch>> {
  return call(url, `/api/v1/nodes/${node}/reports`, { method: 'POST', token: agentToken, body: report });
}

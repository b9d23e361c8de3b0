import { maxReportEntries, Report, type ReportAnswer } from '@holdfast/shared/wire';
import { shapeOf } from '@holdfast/shared/shape';
import { aideBaselineOf } from '#core/aide-state';
import { decideReport } from '#core/intake';
import { admitReport } from './admit-report.ts';
import { describeSchemaErrors } from './answer-errors.ts';
import { jsonExcess, type JsonLimits } from './json-limits.ts';
import { ProblemError } from './problem.ts';
import { takenOrThrow } from './refusal.ts';
import { ReportBodyReader } from './report-body.ts';
import { NodeParams, type Route } from './route.ts';
import type { Storage } from '../watch-storage.ts';

const reportShape = shapeOf(Report);

/** Above all that a report of {@link maxReportEntries} needs: a report is 6 deep, and an entry has 7 members or so. */
const reportJsonLimits: JsonLimits = {
  depth: 12,
  containers: 2 * maxReportEntries,
  members: 64,
  commas: 12 * maxReportEntries,
};

/** Takes a report in. 2xx means that everything in it is durable. */
export const postReports: Route = (app, context) => {
  const { store, config, clock, liveness, monotonic, quota, storage } = context;
  const reader = new ReportBodyReader();
  void app.register(async (scope) => {
    // The body stays a stream: only ReportBodyReader knows how much of it may be taken.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.post(
      '/api/v1/nodes/:node/reports',
      { config: { role: 'agent', quiet: true, body: Report }, schema: { params: NodeParams } },
      async (request): Promise<ReportAnswer> => {
        const { node } = request.params as { node: string };
        await admitReport(node, context);
        using body = await reader.read(request.raw);
        quota.usedBytes(node, Buffer.byteLength(body.text), monotonic());
        const report = parseReport(body.text);
        refuseNewOnFullDisk(report, storage);
        const intake = { node, now: clock(), ...config.intake };
        const decided = await store.decide(node, (view) => decideReport(view, report, intake));
        const { outcome, commands, node: state } = takenOrThrow(decided, { epoch: store.epoch });
        quota.usedEvents(node, outcome.eventsWritten, monotonic());
        liveness.heard(node, report.result !== null);
        const { observed, eventsStored } = outcome;
        const aideBaseline = aideBaselineOf(state?.aide ?? null);
        return { observed, epoch: store.epoch, eventsStored, commands: [...commands], aideBaseline };
      },
    );
  });
};

/** What was promised goes first: a heartbeat is taken, what is new waits in the agent's outbox. */
function refuseNewOnFullDisk(report: Report, storage: Storage): void {
  const { upserts, removed, buckets, events } = report;
  const bringsNothing = [upserts, removed, buckets, events].every(({ length }) => length === 0);
  if (bringsNothing || !storage.isNearlyFull) return;
  throw new ProblemError(
    'disk-nearly-full',
    'The disk has less free than HOLDFAST_MIN_FREE_MIB; keep this, and send it again later.',
  );
}

/** Throws the problem `bad-request`. */
function parseReport(text: string): Report {
  const excess = jsonExcess(text, reportJsonLimits);
  if (excess !== null) throw new ProblemError('bad-request', `The body holds ${excess}.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError('bad-request', 'The body is not JSON.');
  }
  if (reportShape.check(value)) return value;
  throw new ProblemError('bad-request', describeSchemaErrors('report', reportShape.errors(value)));
}

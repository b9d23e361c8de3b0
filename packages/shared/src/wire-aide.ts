/**
 * What agent and collector say to each other about AIDE. The collector decides what is drift from the rows of AIDE's
 * databases; AIDE's report, which cannot be trusted with names, gives the verdict and the counts.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { Count, Digest, Label, PathText, RandomId, Sentence, strict, Timestamp } from './wire-values.ts';

export const maxAideDatabaseBytesPacked = 32 * 1024 * 1024;
export const maxAideDatabaseBytesUnpacked = 128 * 1024 * 1024;
export const maxAideConfigCharacters = 64 * 1024;
export const maxAideWarnings = 100;
export const maxAideMoved = 1000;

/**
 * What AIDE's engine is in, from the one that asks nothing to the one that asks most:
 * - `absent`: no AIDE on the host. `off`: switched off by the configuration. `starting`: it has not run yet.
 * - `same`, `drift`: the newest run could see everything.
 * - `unknown`: a run ended, and what it says cannot be relied on. `failed`: it did not end well.
 * - `degraded`: the self-test found this AIDE blind to something.
 * - `tampered`: the database that it should be checked against is missing or altered.
 */
export const aideStatuses = [
  'absent',
  'off',
  'starting',
  'same',
  'drift',
  'unknown',
  'failed',
  'degraded',
  'tampered',
] as const;
export type AideStatus = (typeof aideStatuses)[number];

export const aideVerdicts = ['same', 'drift', 'unknown', 'failed'] as const;
export type AideVerdict = (typeof aideVerdicts)[number];

const CountOrNull = Type.Union([Count, Type.Null()]);
const DigestOrNull = Type.Union([Digest, Type.Null()]);

/** What AIDE wrote to stderr. */
export const AideWarning = Type.Object({ path: Type.Union([PathText, Type.Null()]), message: Label }, strict);
export type AideWarning = Static<typeof AideWarning>;

export const AideRun = Type.Object(
  {
    id: RandomId,
    /** The agent's clock. */
    startedAt: Timestamp,
    durationMs: Type.Number({ minimum: 0 }),
    /** Null: it was killed. */
    exit: Type.Union([Type.Integer({ minimum: 0, maximum: 255 }), Type.Null()]),
    /**
     * The database that it is compared with; null: there is none yet. AIDE itself was given it only if the configuration and
     * the version are the baseline's.
     */
    baseline: DigestOrNull,
    /** The database that it made, which the collector has by now; null if there is none to rely on. */
    database: DigestOrNull,
    /** sha256 of the effective configuration without what differs from run to run. */
    configDigest: Digest,
    /** The effective configuration, where its digest is not the baseline's. */
    config: Type.Optional(Type.String({ maxLength: maxAideConfigCharacters })),
    /** Rows of the database that it made. */
    entries: Count,
    /** As AIDE's own report counts; null if the report could not be read. */
    added: CountOrNull,
    removed: CountOrNull,
    changed: CountOrNull,
    /** The first of them. */
    warnings: Type.Array(AideWarning, { maxItems: maxAideWarnings }),
    warningsTotal: Count,
    /** Paths that the agent's own engine sees otherwise than AIDE did, and that changed since the run began (by ctime). Absent: none. */
    moved: Type.Optional(Type.Array(PathText, { maxItems: maxAideMoved })),
    verdict: Type.Enum([...aideVerdicts]),
  },
  strict,
);
export type AideRun = Static<typeof AideRun>;

/** Complete, not a difference. */
export const AideReport = Type.Object(
  {
    /** The worst that holds. */
    status: Type.Enum([...aideStatuses]),
    /** One sentence; null where the status says it all. */
    reason: Type.Union([Sentence, Type.Null()]),
    version: Type.Union([Label, Type.Null()]),
    /** What the self-test found this AIDE blind to. */
    degraded: Type.Array(Label, { maxItems: 20 }),
    /** The newest run that ended; null if there was none. */
    run: Type.Union([AideRun, Type.Null()]),
  },
  strict,
);
export type AideReport = Static<typeof AideReport>;

/** The database that the next run is to be checked against. */
export const AideBaseline = Type.Object({ digest: Digest, configDigest: Digest, aideVersion: Label }, strict);
export type AideBaseline = Static<typeof AideBaseline>;

/** The first two numbers of a version: within them, AIDE reads its databases alike. */
export function aideSeries(version: string): string {
  return version.split('.', 2).join('.');
}

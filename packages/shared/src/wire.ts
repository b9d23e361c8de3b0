/**
 * What agent and collector say to each other. One schema a message; the type of the same name is derived from it.
 *
 * A report works like a fast-forward push: `base` is the manifest digest that the collector last acknowledged,
 * `upserts`, `removed` and `buckets` lead from there to `result`. Where `base` is not what the collector has, or
 * `result` is not what it computes, it answers 409 with its bucket digests, and the agent sends the buckets that
 * differ.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { Entry } from './entry.ts';
import { bucketCount } from './manifest.ts';
import { Scope } from './scope.ts';
import { BlindSpot, maxBlindSpots } from './visibility.ts';
import { AideBaseline, AideReport } from './wire-aide.ts';
import { Count, Digest, Label, PathText, RandomId, Sentence, strict, Timestamp } from './wire-values.ts';

export const protocolVersion = 1;

/** Limits of one report. What is over a limit is refused whole, with a 4xx; nothing is cut off. */
export const maxReportEntries = 500_000;
export const maxReportEvents = 20_000;
export const maxReportBytesUnpacked = 128 * 1024 * 1024;
export const maxReportBytesPacked = 32 * 1024 * 1024;

/** A DNS label path: what Kubernetes allows as a node name (RFC 1123 subdomain). */
export const nodeNamePattern = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$';
export const NodeName = Type.String({ minLength: 1, maxLength: 253, pattern: nodeNamePattern });

/** `metadata` and `full` are scans; `watch` is a rescan that a kernel event asked for. */
export const nets = ['watch', 'metadata', 'full', 'aide'] as const;
export type Net = (typeof nets)[number];

/** One change of what a node observed, as it happened. `before` or `after` is null where the path was not there. */
export const ObservedEvent = Type.Object(
  {
    /** Position in the agent's journal; grows by one. A collector applies each position once. */
    position: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    /** The agent's clock. */
    at: Timestamp,
    net: Type.Enum([...nets]),
    path: PathText,
    before: Type.Union([Entry, Type.Null()]),
    after: Type.Union([Entry, Type.Null()]),
  },
  strict,
);
export type ObservedEvent = Static<typeof ObservedEvent>;

/** The newest completed run of one net. */
export const ScanResult = Type.Object(
  {
    net: Type.Enum(['metadata', 'full', 'aide']),
    startedAt: Timestamp,
    durationMs: Type.Number({ minimum: 0 }),
    entries: Count,
    /** Files whose content was read. */
    hashed: Count,
    /** Bytes read. */
    bytes: Count,
    /** Paths that could not be measured in full. */
    unread: Count,
    /** Paths found different from what was observed before. */
    changed: Count,
  },
  strict,
);
export type ScanResult = Static<typeof ScanResult>;

export const BucketContent = Type.Object(
  { index: Type.Integer({ minimum: 0, maximum: bucketCount - 1 }), entries: Type.Array(Entry) },
  strict,
);
export type BucketContent = Static<typeof BucketContent>;

/** Who is speaking. */
export const AgentFacts = Type.Object(
  {
    version: Label,
    kernel: Label,
    os: Label,
    /** Of /etc/machine-id; empty where there is none. */
    machineId: Label,
    /** The agent's clock when the report was made. */
    clock: Timestamp,
    /** When this instance started, by the agent's clock. */
    startedAt: Timestamp,
  },
  strict,
);
export type AgentFacts = Static<typeof AgentFacts>;

/** What the agent says of its own health. Every reason is one short sentence. */
export const AgentHealth = Type.Object(
  {
    /** `starting` until the first full scan has ended; until then there is no manifest. */
    phase: Type.Enum(['starting', 'watching']),
    /** Null: the watcher works. Else why it does not, and the metadata sweep stands in. */
    watchDegraded: Type.Union([Sentence, Type.Null()]),
    /** Null: the outbox works. Else why events may be lost. */
    outboxDegraded: Type.Union([Sentence, Type.Null()]),
    /** Events dropped because the outbox was full, since this journal began. */
    eventsDropped: Count,
  },
  strict,
);
export type AgentHealth = Static<typeof AgentHealth>;

export const Report = Type.Object(
  {
    protocol: Type.Literal(protocolVersion),
    /** Random, new at each start of the agent. */
    instance: RandomId,
    /** Counts this instance's reports from 1. */
    sequence: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    agent: AgentFacts,
    health: AgentHealth,
    scope: Type.Object(
      {
        digest: Digest,
        /** Sent with the first report of an instance and whenever the collector answers `scope-unknown`. */
        document: Type.Optional(Scope),
      },
      strict,
    ),
    /** What the collector last acknowledged; null if this instance does not know. */
    base: Type.Union([Digest, Type.Null()]),
    /** The digest after this report's changes; null while there is no manifest (`starting`). */
    result: Type.Union([Digest, Type.Null()]),
    upserts: Type.Array(Entry, { maxItems: maxReportEntries }),
    removed: Type.Array(PathText, { maxItems: maxReportEntries }),
    /** Whole buckets, each in the place of what the collector has. Applied before upserts and removed. */
    buckets: Type.Array(BucketContent, { maxItems: bucketCount }),
    /** Complete, not a difference. */
    blindSpots: Type.Array(BlindSpot, { maxItems: maxBlindSpots }),
    /** Entries in the manifest. */
    entries: Count,
    /** The newest result of each net that has run. */
    scans: Type.Array(ScanResult, { maxItems: 3 }),
    /** Random, made with the outbox; positions count within it. */
    journal: RandomId,
    /** In order of position. May be only the first of those that wait. */
    events: Type.Array(ObservedEvent, { maxItems: maxReportEvents }),
    /** Commands that have been carried out. */
    commandsDone: Type.Array(Count, { maxItems: 1000 }),
    /** Left out where there is nothing new to tell. */
    aide: Type.Optional(AideReport),
  },
  strict,
);
export type Report = Static<typeof Report>;

/** `rescan`: scan everything, and run AIDE. `aide`: run AIDE soon. */
export const commandKinds = ['rescan', 'resynchronise', 'aide'] as const;
export const Command = Type.Object({ id: Count, kind: Type.Enum([...commandKinds]) }, strict);
export type Command = Static<typeof Command>;

export const CommandList = Type.Object(
  {
    commands: Type.Array(Command),
    /** Null: AIDE is to make a first database. Left out by a collector that knows nothing of AIDE. */
    aideBaseline: Type.Optional(Type.Union([AideBaseline, Type.Null()])),
  },
  strict,
);
export type CommandList = Static<typeof CommandList>;

/** 2xx: everything in the report is durable. */
export const ReportAnswer = Type.Object(
  {
    /** The manifest that the collector now holds for the node; null if none. */
    observed: Type.Union([Digest, Type.Null()]),
    /** Renewed when the collector's data is restored from a backup. */
    epoch: Type.String(),
    /** The highest journal position that is stored; 0 if none. */
    eventsStored: Count,
    commands: Type.Array(Command),
    /** As in a {@link CommandList}. */
    aideBaseline: Type.Optional(Type.Union([AideBaseline, Type.Null()])),
  },
  strict,
);
export type ReportAnswer = Static<typeof ReportAnswer>;

/** RFC 9457. `code` is stable; `detail` is for people. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
});
export type Problem = Static<typeof Problem>;

/** The 409 that asks for buckets: what the collector holds. */
export const BaseMismatch = Type.Object({
  ...Problem.properties,
  code: Type.Literal('base-mismatch'),
  observed: Type.Union([Digest, Type.Null()]),
  epoch: Type.String(),
  bucketDigests: Type.Array(Digest, { minItems: bucketCount, maxItems: bucketCount }),
});
export type BaseMismatch = Static<typeof BaseMismatch>;

/**
 * The schema's history. Append only: a statement that has been released is never edited. `user_version` is the number
 * of migrations that have been applied.
 *
 * Digests are 32 bytes; times are milliseconds since 1970 by the collector's clock; entries are canonical lines.
 */
import type { Database } from 'better-sqlite3';
import { aideMigration } from '#store/migrations/aide';
import { acknowledgements } from '#store/migrations/acknowledgements';
import { changeWindows } from '#store/migrations/change-windows';
import { chainAudit } from '#store/migrations/audit-chain';
import { addFleetDrift } from '#store/migrations/fleet-drift';
import { contents } from '#store/migrations/contents';
import { addDriftChanges } from '#store/migrations/drift-changes';
import { driftOfNode } from '#store/migrations/drift-of-node';
import { driftMarks } from '#store/migrations/drift-marks';
import { eventsDropped } from '#store/migrations/events-dropped';
import { lostNodes } from '#store/migrations/lost-nodes';
import { outlets } from '#store/migrations/outlets';
import { sweepMigration } from '#store/migrations/sweeps';

/** Statements, or what makes them of the data that is there. Each runs in the transaction of the whole upgrade. */
export type Migration = string | ((db: Database) => void);

export const migrations: readonly Migration[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE scope (digest BLOB PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE bucket (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    entries INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    content BLOB NOT NULL -- zstd over the canonical lines
  ) STRICT;

  CREATE TABLE manifest (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    scope BLOB NOT NULL REFERENCES scope (digest),
    entries INTEGER NOT NULL,
    unread INTEGER NOT NULL,
    buckets BLOB NOT NULL -- 256 digests; that of the empty bucket has no row
  ) STRICT;

  CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    first_seen_at INTEGER NOT NULL,
    deleted_at INTEGER,
    instance TEXT NOT NULL,
    retired TEXT NOT NULL,
    refused_instance TEXT,
    agent TEXT NOT NULL,
    health TEXT NOT NULL,
    reimaged_at INTEGER,
    observed INTEGER REFERENCES manifest (id),
    blind_spots TEXT NOT NULL,
    journal TEXT NOT NULL,
    events_stored INTEGER NOT NULL,
    baseline INTEGER,
    pending_because TEXT,
    drift_added INTEGER NOT NULL,
    drift_removed INTEGER NOT NULL,
    drift_changed INTEGER NOT NULL,
    oldest_drift_at INTEGER,
    unknown_paths INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX node_observed ON node (observed);

  -- What every report changes: narrow, so that a thousand heartbeats dirty few pages.
  CREATE TABLE heartbeat (
    node INTEGER PRIMARY KEY REFERENCES node (id),
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    observed_at INTEGER, -- the last report that told of a manifest
    clock TEXT NOT NULL,
    scans TEXT NOT NULL
  ) STRICT;

  CREATE TABLE baseline (
    node INTEGER NOT NULL REFERENCES node (id),
    sequence INTEGER NOT NULL,
    manifest INTEGER NOT NULL REFERENCES manifest (id),
    accepted_at INTEGER NOT NULL,
    accepted_by TEXT NOT NULL,
    reason TEXT,
    reviewed INTEGER NOT NULL,
    paths INTEGER NOT NULL,
    restored_from INTEGER,
    PRIMARY KEY (node, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX baseline_manifest ON baseline (manifest);

  CREATE TABLE drift (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node (id),
    bucket INTEGER NOT NULL,
    path TEXT NOT NULL,
    change TEXT NOT NULL,
    attributes TEXT NOT NULL,
    before TEXT,
    after TEXT,
    first_seen_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_as TEXT
  ) STRICT;
  CREATE UNIQUE INDEX drift_standing ON drift (node, bucket, path) WHERE ended_at IS NULL;
  CREATE INDEX drift_oldest ON drift (node, first_seen_at, path) WHERE ended_at IS NULL;
  CREATE INDEX drift_path ON drift (node, path) WHERE ended_at IS NOT NULL;
  CREATE INDEX drift_ended ON drift (ended_at) WHERE ended_at IS NOT NULL;

  CREATE TABLE unknown_path (
    node INTEGER NOT NULL REFERENCES node (id),
    bucket INTEGER NOT NULL,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (node, bucket, path)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node (id),
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    agent_at TEXT,
    path TEXT,
    change TEXT,
    attributes TEXT NOT NULL,
    before TEXT,
    after TEXT,
    net TEXT,
    detail TEXT
  ) STRICT;
  CREATE INDEX event_node ON event (node, id);

  CREATE TABLE command (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node (id),
    kind TEXT NOT NULL
  ) STRICT;
  CREATE INDEX command_node ON command (node, id);

  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    node TEXT,
    reason TEXT,
    details TEXT NOT NULL
  ) STRICT;

  CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    node TEXT,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT;
  `,
  'ALTER TABLE token ADD COLUMN expires_at INTEGER',
  aideMigration,
  acknowledgements,
  chainAudit,
  contents,
  outlets,
  addFleetDrift,
  sweepMigration,
  changeWindows,
  driftMarks,
  lostNodes,
  addDriftChanges,
  driftOfNode,
  eventsDropped,
];

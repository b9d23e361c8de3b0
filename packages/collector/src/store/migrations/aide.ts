/** AIDE as the second engine: its databases, what it found, and what of a drift it saw. */
export const aideMigration = `
  CREATE TABLE aide_database (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL, -- of the text
    content BLOB NOT NULL -- zstd over the text
  ) STRICT;

  -- What a node has brought, and no run has named yet.
  CREATE TABLE aide_upload (
    node INTEGER NOT NULL REFERENCES node (id),
    database INTEGER NOT NULL REFERENCES aide_database (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (node, database)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX aide_upload_database ON aide_upload (database);

  CREATE TABLE aide_node (
    node INTEGER PRIMARY KEY REFERENCES node (id),
    baseline INTEGER REFERENCES aide_database (id),
    newest INTEGER REFERENCES aide_database (id), -- of the newest run that can be relied on
    offered INTEGER REFERENCES aide_database (id), -- of a run with another configuration
    state TEXT NOT NULL
  ) STRICT;
  CREATE INDEX aide_node_baseline ON aide_node (baseline);
  CREATE INDEX aide_node_newest ON aide_node (newest);
  CREATE INDEX aide_node_offered ON aide_node (offered);

  -- AIDE's baseline as it was when a baseline of the node was succeeded.
  CREATE TABLE aide_baseline (
    node INTEGER NOT NULL REFERENCES node (id),
    sequence INTEGER NOT NULL,
    database INTEGER NOT NULL REFERENCES aide_database (id),
    record TEXT NOT NULL,
    PRIMARY KEY (node, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX aide_baseline_database ON aide_baseline (database);

  CREATE TABLE aide_finding (
    node INTEGER NOT NULL REFERENCES node (id),
    bucket INTEGER NOT NULL,
    path TEXT NOT NULL,
    finding TEXT NOT NULL,
    PRIMARY KEY (node, bucket, path)
  ) STRICT, WITHOUT ROWID;

  -- Accepted paths whose rows are not in AIDE's baseline yet.
  CREATE TABLE aide_pending (
    node INTEGER NOT NULL REFERENCES node (id),
    path TEXT NOT NULL,
    reviewed TEXT, -- the row that the acceptance saw
    PRIMARY KEY (node, path)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE engine_disagreement (
    node INTEGER NOT NULL REFERENCES node (id),
    path TEXT NOT NULL,
    disagreement TEXT NOT NULL,
    PRIMARY KEY (node, path)
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE drift ADD COLUMN aide TEXT; -- what AIDE found; before and after are null where it alone did
`;

/** Acknowledged drift, and when a node was last reviewed. */
export const acknowledgements = `
  CREATE TABLE acknowledgement (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node INTEGER NOT NULL REFERENCES node (id),
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    until INTEGER NOT NULL
  ) STRICT;

  CREATE INDEX acknowledgement_node ON acknowledgement (node, until);

  ALTER TABLE drift ADD COLUMN acknowledgement INTEGER; -- the newest one, in force or not; none once the content changed
  CREATE INDEX drift_acknowledged ON drift (acknowledgement) WHERE acknowledgement IS NOT NULL;

  ALTER TABLE node ADD COLUMN reviewed_at INTEGER;
  ALTER TABLE node ADD COLUMN reviewed_by TEXT;
  UPDATE node SET (reviewed_at, reviewed_by) = (
    SELECT accepted_at, accepted_by FROM baseline
    WHERE baseline.node = node.id AND baseline.sequence <= node.baseline AND reviewed = 1 ORDER BY sequence DESC LIMIT 1
  );
`;

/** Drift in the order in which it started or changed, so that whoever tells of it knows what is new. */
export const driftMarks = `
  CREATE TABLE drift_mark (newest INTEGER NOT NULL) STRICT;
  INSERT INTO drift_mark VALUES (0);

  ALTER TABLE drift ADD COLUMN mark INTEGER NOT NULL DEFAULT 0; -- that of the write that gave it its present content
  CREATE INDEX drift_news ON drift (mark) WHERE ended_at IS NULL;
`;

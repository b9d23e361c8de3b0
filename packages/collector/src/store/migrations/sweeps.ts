/** Sweeps of the stacks, the result of each stack in each, and what is remembered of a stack. */
export const sweepMigration = `
  CREATE TABLE sweep (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    phase TEXT NOT NULL,
    whole INTEGER NOT NULL, -- over all stacks
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    start TEXT NOT NULL, -- JSON: who, why, over what
    scope TEXT,
    "end" TEXT,
    digest TEXT -- of what was sent, if it ran apart
  ) STRICT;
  CREATE INDEX sweep_ended ON sweep (ended_at);

  CREATE TABLE stack_result (
    stack TEXT NOT NULL,
    sweep INTEGER NOT NULL REFERENCES sweep (id),
    outcome TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (stack, sweep)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX stack_result_sweep ON stack_result (sweep, outcome);

  CREATE TABLE stack (name TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `;

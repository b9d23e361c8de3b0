/** Windows in which changes are expected, what has changed in them, and which drift was expected. */
export const changeWindows = `
  CREATE TABLE change_window (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    nodes TEXT NOT NULL,
    paths TEXT NOT NULL,
    until INTEGER NOT NULL,
    reason TEXT NOT NULL,
    accept INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    opened_by TEXT NOT NULL,
    closed_at INTEGER,
    closed_by TEXT
  ) STRICT;
  CREATE INDEX change_window_open ON change_window (until) WHERE closed_at IS NULL;

  CREATE TABLE window_use (
    window INTEGER NOT NULL REFERENCES change_window (id),
    node INTEGER NOT NULL REFERENCES node (id),
    path TEXT NOT NULL,
    PRIMARY KEY (window, node, path)
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE drift ADD COLUMN expected INTEGER; -- the window that its present content was expected by
`;

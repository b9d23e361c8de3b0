/** How far each way out has told what happened: it goes on from there after a restart or an outage. */
export const outlets = `
  CREATE TABLE outlet (
    name TEXT PRIMARY KEY,
    told INTEGER NOT NULL, -- the last event that was told
    memory TEXT -- what it must remember besides, as JSON
  ) STRICT, WITHOUT ROWID;
`;

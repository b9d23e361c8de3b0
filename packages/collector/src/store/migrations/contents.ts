/** The text of small files, once per digest, and which files of which node hold it. */
export const contents = `
  CREATE TABLE content_text (
    digest BLOB PRIMARY KEY,
    text BLOB NOT NULL -- zstd over the scrubbed text
  ) STRICT, WITHOUT ROWID;

  -- Of each node: what its files on the allow-list hold now, and what they held when they were accepted.
  CREATE TABLE content (
    node INTEGER NOT NULL REFERENCES node (id),
    path TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    text BLOB,
    withheld TEXT,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (node, path, sha256)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX content_by_text ON content (text) WHERE text IS NOT NULL;
  `;

/** Nodes that the collector knew, and of which a restored backup has no baseline: their next manifest waits for an operator. */
export const lostNodes = 'CREATE TABLE lost_node (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID';

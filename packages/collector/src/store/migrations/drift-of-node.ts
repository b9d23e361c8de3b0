/**
 * Standing drift by node first. Ordered by change first, as it was, the 800 changes of an upgrade lie in 800 places of the
 * index, and each report of each node writes all of those pages; ordered by node they lie in one.
 */
export const driftOfNode = `
  DROP INDEX drift_fleet;
  CREATE INDEX drift_of_node ON drift (node, fingerprint) WHERE ended_at IS NULL;
`;

/** What the agents of a node have dropped, summed up: each of their journals counts from 0. */
export const eventsDropped = `
  ALTER TABLE node ADD COLUMN events_dropped INTEGER NOT NULL DEFAULT 0;
  UPDATE node SET events_dropped = health ->> 'eventsDropped';
`;

import { hash } from 'node:crypto';

const minutesPerDay = 24 * 60;

/**
 * A cron expression for once a day, at a minute that follows from the node's name, so that the nodes of a fleet do not
 * all read at once. `offsetMinutes` moves it, for a second daily task of the same node.
 */
export function dailySplay(nodeName: string, offsetMinutes = 0): string {
  const splay = Number.parseInt(hash('sha256', nodeName).slice(0, 8), 16) + offsetMinutes;
  const minute = ((splay % minutesPerDay) + minutesPerDay) % minutesPerDay;
  return `${minute % 60} ${Math.floor(minute / 60)} * * *`;
}

/** The names of scheduled backups. They sort by time, and no other file's name is taken for one. */
import type { Millis } from '#core/node-state';

const backupPattern = /^holdfast-\d{8}T\d{6}Z\.db$/;
const leftoverPattern = /^holdfast-\d{8}T\d{6}Z\.db\.part$/;

/** `holdfast-20260301T033000Z.db` */
export function backupName(at: Millis): string {
  return `holdfast-${new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.db`;
}

/** Of the names in a directory: what is to go so that the `keep` newest backups are left, and what a crash left behind. */
export function backupsToDrop(names: readonly string[], keep: number): string[] {
  const backups = names.filter((name) => backupPattern.test(name)).sort();
  const old = backups.slice(0, Math.max(0, backups.length - keep));
  return [...old, ...names.filter((name) => leftoverPattern.test(name))];
}

/** When the newest of these backups was made; null if there is none. */
export function newestBackupAt(names: readonly string[]): Millis | null {
  const newest = names
    .filter((name) => backupPattern.test(name))
    .sort()
    .at(-1);
  const parts = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(newest ?? '');
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

import type { Entry } from '@holdfast/shared/entry';
import { modeText, ownerText, shortDigest } from './finding-text.ts';

const header = ['TYPE', 'MODE', 'OWNER', 'SIZE', 'SHA256', 'PATH'];
const isNumber = [false, false, false, true, false, false];

/** Entries as a table for people. The path comes last, because its length varies most. */
export function* entryTable(entries: readonly Entry[]): Generator<string> {
  const widths = header.map((title) => title.length);
  const rows = entries.map(cells);
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i]!, cell.length)));
  for (const row of [header, ...rows]) yield aligned(row, widths);
}

function cells(entry: Entry): string[] {
  const { path, type, mode, size, sha256, target, unread } = entry;
  const hasOwner = entry.uid !== undefined || entry.gid !== undefined;
  return [
    type,
    mode === undefined ? '-' : modeText(mode),
    hasOwner ? ownerText(entry) : '-',
    size === undefined ? '-' : String(size),
    unread ?? (sha256 === undefined ? '-' : shortDigest(sha256)),
    target === undefined ? path : `${path} → ${target}`,
  ];
}

function aligned(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, i) => {
      if (i === row.length - 1) return cell;
      return isNumber[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
    })
    .join('  ');
}

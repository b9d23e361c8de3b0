/** What `npm start` prints. */
import type { Entry } from '@holdfast/shared/entry';
import { isWithin } from '@holdfast/shared/path-text';

/** A table of the entries under each root of the scope. */
export function entryTable(entries: readonly Entry[], roots: readonly string[]): string {
  const rows = roots.map((root) => {
    const inside = entries.filter((entry) => isWithin(entry.path, root));
    const count = (type: Entry['type']) => inside.filter((entry) => entry.type === type).length;
    const [files, directories, links] = [count('file'), count('directory'), count('symlink')];
    const bytes = inside.reduce((sum, entry) => sum + (entry.size ?? 0), 0);
    const unread = inside.filter((entry) => entry.unread !== undefined).length;
    const others = inside.length - files - directories - links;
    return [root, files, directories, links, others, unread, `${(bytes / 2 ** 20).toFixed(1)} MiB`].map(
      String,
    );
  });
  return table(['PATH', 'FILES', 'DIRECTORIES', 'LINKS', 'OTHER', 'UNREAD', 'SIZE'], rows);
}

/** The first column to the left, the others to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
    )
    .join('\n');
}

/** Three lines to paste into a shell. `caFile` is what the collector's own certificate is checked against. */
export function curlLines(url: string, node: string, tokenFile: string, caFile: string | undefined): string {
  const curl = caFile === undefined ? 'curl -s' : `curl -s --cacert ${shellQuoted(caFile)}`;
  const auth = `-H "Authorization: Bearer $(cat ${shellQuoted(tokenFile)})"`;
  const base = `${url}/api/v1/nodes/${node}`;
  return [
    `look          ${curl} ${auth} ${base}/drift`,
    `re-baseline   ${curl} -X POST ${auth} ${base}/baseline`,
    `metrics       ${curl} ${auth} ${url}/metrics | grep ^aide_drift_detected`,
  ].join('\n');
}

export interface ShownDrift {
  readonly path: string;
  readonly change: string;
  readonly attributes: readonly string[];
}

export function driftLine(drift: ShownDrift): string {
  const what = drift.attributes.length > 0 ? `  (${drift.attributes.join(', ')})` : '';
  return `${drift.change.padEnd(8)} ${drift.path}${what}`;
}

export interface UnknownPath {
  readonly path: string;
  readonly reason: string;
}

export function unknownLine({ path, reason }: UnknownPath): string {
  return `${path}  (${reason})`;
}

function shellQuoted(path: string): string {
  return /^[-\w./]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

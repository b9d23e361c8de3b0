/** What benches print. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly notes?: readonly string[];
}

export function formatTable({ title, columns, rows, notes = [] }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map((cell) => text(cell)));
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  const isText = columns.map((_, i) => rows.every((row) => typeof row[i] === 'string'));
  const lines = cells.map((row) =>
    row.map((cell, i) => (isText[i] ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   '),
  );
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('   '));
  return [title, ...lines.map((line) => `  ${line.trimEnd()}`), ...notes.map((note) => `  ${note}`), ''].join(
    '\n',
  );
}

/** The smallest, the middle and the largest of some measurements. */
export function spread(measured: readonly number[]): [min: number, median: number, max: number] {
  const sorted = [...measured].sort((a, b) => a - b);
  return [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
}

/** Three significant digits say all that such a measurement knows. */
function text(cell: string | number): string {
  if (typeof cell === 'string') return cell;
  return cell >= 100 ? cell.toFixed(0) : String(Number(cell.toPrecision(3)));
}

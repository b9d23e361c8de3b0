/** The name that a mistyped one was probably meant to be. */

/** The known name with the fewest letters to insert, drop or replace; null if even that needs more than a quarter of them. */
export function nearestName(mistyped: string, known: readonly string[]): string | null {
  let nearest: string | null = null;
  let fewest = Math.floor(mistyped.length / 4) + 1;
  for (const name of known) {
    const edits = editDistance(mistyped, name);
    if (edits < fewest) [nearest, fewest] = [name, edits];
  }
  return nearest;
}

/** Levenshtein's distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

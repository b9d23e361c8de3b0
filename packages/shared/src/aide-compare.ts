/**
 * Compares two databases of AIDE by their rows, as AIDE does: an attribute counts where both sides measured it. It says
 * more than AIDE in one place: a content that one side could not read is unmeasured, where AIDE sees no difference.
 */
import type { AideDatabase, AideSpec } from './aide-database.ts';
import { type AideAttribute, AideFields, type AideRow, rowOf, xattrPairs } from './aide-row.ts';
import type { ChangeKind } from './compare.ts';

/** One path's difference between two databases. */
export interface AideFinding {
  readonly path: string;
  readonly change: ChangeKind;
  /** What differs; empty for added and removed. An access control list that only follows the mode is not named. */
  readonly attributes: readonly AideAttribute[];
  readonly before: AideRow | null;
  readonly after: AideRow | null;
}

export interface AideComparison {
  readonly findings: readonly AideFinding[];
  /** As AIDE counts: it may count a row as changed in which nothing that is named here differs. */
  readonly counts: { readonly added: number; readonly removed: number; readonly changed: number };
  /** Paths with a content that could be read before, and cannot now. */
  readonly lost: readonly string[];
  /** Paths with a content that could not be read before, and can now: whether it changed, nobody knows. */
  readonly gained: readonly string[];
}

export function compareAideDatabases(before: AideDatabase, after: AideDatabase): AideComparison {
  const findings: AideFinding[] = [];
  const lost: string[] = [];
  const gained: string[] = [];
  const counts = { added: 0, removed: 0, changed: 0 };
  const hasSameColumns = before.specLine === after.specLine;
  let inBoth = 0;
  for (const [path, line] of after.rows) {
    const was = before.rows.get(path);
    if (was === undefined) {
      counts.added += 1;
      const row = rowOf(line, after.spec);
      findings.push({ path, change: 'added', attributes: [], before: null, after: row });
      continue;
    }
    inBoth += 1;
    if (hasSameColumns && was === line) continue;
    const compared = compareLines(was, before.spec, line, after.spec);
    if (compared.counts) counts.changed += 1;
    if (compared.finding) findings.push(compared.finding);
    if (compared.content !== 'measured') (compared.content === 'lost' ? lost : gained).push(path);
  }
  if (inBoth === before.rows.size) return { findings, counts, lost, gained };
  for (const [path, line] of before.rows) {
    if (after.rows.has(path)) continue;
    counts.removed += 1;
    const row = rowOf(line, before.spec);
    findings.push({ path, change: 'removed', attributes: [], before: row, after: null });
  }
  return { findings, counts, lost, gained };
}

interface ComparedRows {
  /** Whether AIDE counts the row as changed. */
  readonly counts: boolean;
  readonly finding: AideFinding | null;
  readonly content: 'measured' | 'lost' | 'gained';
}

function compareLines(was: string, wasSpec: AideSpec, is: string, isSpec: AideSpec): ComparedRows {
  const [before, after] = [rowOf(was, wasSpec), rowOf(is, isSpec)];
  const { path } = after;
  const attributes = differing(before, after);
  const counts = countsAsChanged(new AideFields(was, wasSpec), new AideFields(is, isSpec));
  const isFile = before.type === 'file' && after.type === 'file';
  const isOneSided = isFile && (before.sha256 === undefined) !== (after.sha256 === undefined);
  return {
    counts,
    finding: attributes.length > 0 ? { path, change: 'changed', attributes, before, after } : null,
    content: isOneSided ? (after.sha256 === undefined ? 'lost' : 'gained') : 'measured',
  };
}

const compared = [
  'type',
  'mode',
  'uid',
  'gid',
  'size',
  'sha256',
  'target',
  'acl',
  'xattrs',
  'caps',
  'selinux',
  'e2fsattrs',
  'linkCount',
] as const satisfies readonly AideAttribute[];

/** What of two rows differs where both measured it. */
export function differing(before: AideRow, after: AideRow): AideAttribute[] {
  return compared.filter((name) => {
    const [was, is] = [before[name], after[name]];
    return was !== is && was !== undefined && is !== undefined;
  });
}

/** The columns that AIDE compares as they are, and the bit that says whether a row measured each. */
const asWritten = [
  ['lname', 'linkname'],
  ['perm', 'perm'],
  ['uid', 'uid'],
  ['gid', 'gid'],
  ['size', 'size'],
  ['lcount', 'linkcount'],
  ['acl', 'acl'],
  ['sha256', 'sha256'],
  ['e2fsattrs', 'e2fsattrs'],
] as const;

/** Of these, being there on one side only is a difference too. */
const asFound = [
  ['selinux', 'selinux'],
  ['capabilities', 'capabilities'],
] as const;

function countsAsChanged(before: AideFields, after: AideFields): boolean {
  if (typeBits(before) !== typeBits(after)) return true;
  const differs = (column: Parameters<AideFields['field']>[0]) =>
    before.field(column) !== after.field(column);
  return (
    asWritten.some(([column, bit]) => before.has(bit) && after.has(bit) && differs(column)) ||
    (before.has('xattrs') &&
      after.has('xattrs') &&
      !isSameSet(before.field('xattrs'), after.field('xattrs'))) ||
    asFound.some(([column, bit]) => (before.has(bit) || after.has(bit)) && differs(column))
  );
}

/** A file system lists extended attributes in any order, and in another one the next time. */
function isSameSet(before: string, after: string): boolean {
  if (before === after) return true;
  return xattrPairs(before).sort().join() === xattrPairs(after).sort().join();
}

function typeBits(row: AideFields): number {
  return Number.parseInt(row.field('perm'), 8) >> 12;
}

/** Reads a database file in pieces: its digest, and whether it is whole. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { AideDatabaseScan, type AideScanEnd, type AideSpec } from '@holdfast/shared/aide-database';

export interface ScannedDatabase extends AideScanEnd {
  /** Hex sha256 of the text. */
  readonly digest: string;
}

const pieceBytes = 128 * 1024;

/** Reads by position: AIDE finds the file as it was opened. */
export async function scanDatabase(
  file: FileHandle,
  onRow: (line: string, spec: AideSpec) => void = () => {},
): Promise<ScannedDatabase> {
  const digest = createHash('sha256');
  let spec: AideSpec | null = null;
  const scan: AideDatabaseScan = new AideDatabaseScan((line) => {
    spec ??= scan.end().spec;
    if (spec !== null) onRow(line, spec);
  });
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, pieceBytes, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const piece = buffer.subarray(0, bytesRead);
    digest.update(piece);
    scan.take(piece.toString('latin1'));
  }
  return { ...scan.end(), digest: digest.digest('hex') };
}

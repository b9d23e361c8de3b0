/** Baseline files on disk. Every error names the file and says what to do about it. */
import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import {
  type BaselineDocument,
  DamagedBaselineError,
  decodeBaseline,
  encodeBaseline,
} from '#core/baseline-document';
import { writeFileAtomically } from './atomic-file.ts';

/** A million entries take about 200 MiB. */
export const maxBaselineMib = 512;

/** Who may read a baseline learns which files a host has and what is in them, down to the hash. */
const newBaselineMode = 0o600;

export class BaselineFileError extends Error {
  readonly code: 'damaged-baseline' | 'baseline-exists' | 'baseline-unreadable' | 'baseline-unwritable';
  constructor(code: BaselineFileError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BaselineFileError';
    this.code = code;
  }
}

/** Throws {@link BaselineFileError} if the file is missing, unreadable or damaged in any part. */
export async function readBaseline(path: string): Promise<BaselineDocument> {
  try {
    return decodeBaseline(await readWhole(path));
  } catch (error) {
    if (error instanceof BaselineFileError) throw error;
    if (error instanceof DamagedBaselineError) {
      throw new BaselineFileError(
        'damaged-baseline',
        `the baseline file ${path} cannot be used: ${error.message}`,
      );
    }
    const cause = error as NodeJS.ErrnoException;
    const why =
      cause.code === 'ENOENT' ? 'there is no such file; `init` makes one' : (cause.code ?? cause.message);
    throw new BaselineFileError('baseline-unreadable', `cannot read the baseline file ${path}: ${why}`, {
      cause,
    });
  }
}

/** Creates `path`; with `force` in the place of what is there. Durable when it resolves. */
export async function createBaseline(
  path: string,
  document: BaselineDocument,
  force: boolean,
): Promise<void> {
  await write(path, document, newBaselineMode, force ? 'replace' : 'create');
}

/** Puts `document` in the place of an existing baseline file, which keeps its permissions. A symlink stays one. */
export async function replaceBaseline(path: string, document: BaselineDocument): Promise<void> {
  const file = await realpath(path);
  const { mode } = await stat(file);
  await write(file, document, mode & 0o777, 'replace');
}

async function write(
  path: string,
  document: BaselineDocument,
  mode: number,
  when: 'create' | 'replace',
): Promise<void> {
  try {
    await writeFileAtomically(path, encodeBaseline(document), { mode, when });
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    if (cause.code === 'EEXIST') {
      throw new BaselineFileError(
        'baseline-exists',
        `${path} exists; \`update\` accepts changes into it, \`init --force\` replaces it`,
        { cause },
      );
    }
    throw new BaselineFileError(
      'baseline-unwritable',
      `cannot write the baseline file ${path}: ${cause.code ?? cause.message}`,
      { cause },
    );
  }
}

async function readWhole(path: string): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a FIFO must not hang us
  const status = await file.stat();
  const problem = !status.isFile()
    ? 'it is not a regular file'
    : status.size > maxBaselineMib * 1024 * 1024
      ? `it is larger than ${maxBaselineMib} MiB`
      : null;
  if (problem)
    throw new BaselineFileError('damaged-baseline', `the baseline file ${path} cannot be used: ${problem}`);
  return await file.readFile();
}

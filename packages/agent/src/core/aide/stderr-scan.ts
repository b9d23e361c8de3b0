/** Reads what AIDE writes to stderr in pieces: warnings and errors, a line each. */
import { encodePathText, isPathText } from '@holdfast/shared/path-text';
import { type AideWarning, maxAideWarnings } from '@holdfast/shared/wire-aide';

export const maxWarningCharacters = 200;

export class AideStderrScan {
  /** The first of them. */
  readonly warnings: AideWarning[] = [];
  /** All of them, errors and what is neither included. */
  total = 0;
  readonly #prefix: string;
  #line = '';
  #isLong = false;

  /** `hostRoot`: what AIDE writes before each path; a byte string. */
  constructor(hostRoot: string) {
    this.#prefix = hostRoot === '/' ? '' : hostRoot;
  }

  /** `piece`: latin1. */
  take(piece: string): void {
    for (const [i, part] of piece.split('\n').entries()) {
      if (i > 0) this.end();
      this.#isLong ||= this.#line.length + part.length > maxLineCharacters;
      this.#line = (this.#line + part).slice(0, maxLineCharacters);
    }
  }

  /** Takes what stands after the last newline too. */
  end(): void {
    const line = this.#line.trim();
    this.#line = '';
    const path = this.#isLong ? null : pathIn(line, this.#prefix);
    this.#isLong = false;
    if (line === '') return;
    this.total += 1;
    if (this.warnings.length >= maxAideWarnings) return;
    const message = encodePathText(line.replace(/^(WARNING|ERROR): /, '')).slice(0, maxWarningCharacters);
    this.warnings.push({ path, message });
  }
}

/** A path takes up to 4,096 bytes. */
const maxLineCharacters = 16 * 1024;

/** The one path that the line names; null if there is none, or it cannot be told where it ends. */
function pathIn(line: string, prefix: string): string | null {
  const named = / '(\/[^']*)' /.exec(line)?.[1] ?? /failed for '?(\/[^:']*)'?: /.exec(line)?.[1];
  if (named === undefined || !named.startsWith(`${prefix}/`)) return null;
  const path = encodePathText(named.slice(prefix.length));
  return isPathText(path) ? path : null;
}

/**
 * Reads what `plan -json` prints, line by line: its errors, and what tells that the plan is not of the whole stack as it
 * is. Lines that are no JSON are kept apart, as are wrappers' own: Terraform itself prints some.
 */
/** A longer line is dropped; nothing that is read here is that long. */
export const maxLineLength = 256 * 1024;
export const maxKeptDiagnostics = 20;
/** Of the text that is not JSON, the end is kept. */
export const maxNoiseLength = 16 * 1024;
/** Of one diagnostic's detail, before redaction. */
const maxDetailLength = 8 * 1024;

export interface PlanDiagnostic {
  readonly summary: string;
  readonly detail: string;
  /** The resource that it is about. */
  readonly address: string | null;
  /** As in `main.tf:12`. Source lines and values are left out: both hold secrets. */
  readonly place: string | null;
}

export interface StreamFacts {
  readonly errors: readonly PlanDiagnostic[];
  /** Also those that are not kept. */
  readonly errorCount: number;
  /** Resources that it says it would create, change or delete. */
  readonly announced: number;
  /** Resources that were looked at, as they are in the world. */
  readonly refreshed: number;
  /** Only part of the stack was planned: `-target`, `-exclude`. */
  readonly isPartial: boolean;
  /** Terragrunt made up outputs of a dependency that has none. */
  readonly isMocked: boolean;
  readonly noise: string;
}

/** Terragrunt's words, on stderr or, in older versions, between the lines of stdout. */
const mockWarning = 'mock outputs provided and returning those';
const partialWarning = /\b(?:targeting|exclusion) is in effect/i;

export class PlanStream {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #isOverlong = false;
  readonly #errors: PlanDiagnostic[] = [];
  #errorCount = 0;
  #announced = 0;
  #refreshed = 0;
  #isPartial = false;
  #isMocked = false;
  #stderrTail = '';
  #noise = '';

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#takeLine(line);
    if (this.#rest.length > maxLineLength) {
      this.#rest = '';
      this.#isOverlong = true;
    }
  }

  pushStderr(text: string): void {
    const whole = this.#stderrTail + text;
    this.#isMocked ||= whole.includes(mockWarning);
    this.#stderrTail = whole.slice(-mockWarning.length);
  }

  end(): StreamFacts {
    if (this.#rest !== '') this.#takeLine(this.#rest);
    this.#rest = '';
    return {
      errors: this.#errors,
      errorCount: this.#errorCount,
      announced: this.#announced,
      refreshed: this.#refreshed,
      isPartial: this.#isPartial,
      isMocked: this.#isMocked,
      noise: this.#noise,
    };
  }

  #takeLine(line: string): void {
    if (this.#isOverlong) {
      this.#isOverlong = false;
      return;
    }
    if (line.length > maxLineLength) return;
    const message = parseObject(line);
    if (message === null) {
      this.#isMocked ||= line.includes(mockWarning);
      this.#noise = lastLines(`${this.#noise}${line}\n`, maxNoiseLength);
      return;
    }
    if (message['type'] === 'refresh_start') this.#refreshed += 1;
    else if (message['type'] === 'change_summary') this.#announced = announcedBy(message['changes']);
    else if (isRecord(message['diagnostic'])) this.#takeDiagnostic(message['diagnostic']);
  }

  #takeDiagnostic(diagnostic: Record<string, unknown>): void {
    if (diagnostic['severity'] === 'error') {
      this.#errorCount += 1;
      if (this.#errors.length < maxKeptDiagnostics) this.#errors.push(describe(diagnostic));
    } else this.#isPartial ||= partialWarning.test(textOf(diagnostic['summary']));
  }
}

/** The end of `text`, from the beginning of a line: half a secret would not be known for one. */
export function lastLines(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = text.slice(-maxLength);
  const newline = end.indexOf('\n');
  return newline < 0 ? '' : end.slice(newline + 1);
}

function describe(diagnostic: Record<string, unknown>): PlanDiagnostic {
  const range = diagnostic['range'];
  const start = isRecord(range) ? range['start'] : null;
  const line = isRecord(start) ? start['line'] : null;
  return {
    summary: textOf(diagnostic['summary']),
    detail: textOf(diagnostic['detail']),
    address: typeof diagnostic['address'] === 'string' ? diagnostic['address'] : null,
    place:
      isRecord(range) && typeof range['filename'] === 'string'
        ? `${range['filename']}${typeof line === 'number' ? `:${line}` : ''}`
        : null,
  };
}

function announcedBy(changes: unknown): number {
  if (!isRecord(changes)) return 0;
  const counts = ['add', 'change', 'remove'].map((name) => changes[name]);
  return counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0);
}

function textOf(value: unknown): string {
  return typeof value !== 'string' ? '' : firstWords(value, maxDetailLength);
}

/** The beginning of `text`, to the end of a line. */
function firstWords(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return text.slice(0, Math.max(0, text.lastIndexOf('\n', maxLength)));
}

/** Old wrappers put a time, a path and colours before each line. */
function parseObject(line: string): Record<string, unknown> | null {
  const start = line.startsWith('{') ? 0 : line.indexOf('{"@level"');
  if (start < 0) return null;
  try {
    const value: unknown = JSON.parse(line.slice(start, line.lastIndexOf('}') + 1));
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

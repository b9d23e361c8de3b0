/**
 * Reads what `plan -json` prints, line by line: whether it reached its end, and its errors. Lines that are no JSON are
 * kept apart, as are wrappers' own: Terraform itself prints some.
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
  /** A plan was made. It is printed too if it fails afterwards, and with a plan that differs. */
  readonly hasSummary: boolean;
  readonly noise: string;
}

export class PlanStream {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #isOverlong = false;
  readonly #errors: PlanDiagnostic[] = [];
  #errorCount = 0;
  #hasSummary = false;
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

  end(): StreamFacts {
    if (this.#rest !== '') this.#takeLine(this.#rest);
    this.#rest = '';
    return {
      errors: this.#errors,
      errorCount: this.#errorCount,
      hasSummary: this.#hasSummary,
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
      this.#noise = lastLines(`${this.#noise}${line}\n`, maxNoiseLength);
      return;
    }
    if (message['type'] === 'change_summary') this.#hasSummary = true;
    const diagnostic = message['diagnostic'];
    if (isRecord(diagnostic) && diagnostic['severity'] === 'error') {
      this.#errorCount += 1;
      if (this.#errors.length < maxKeptDiagnostics) this.#errors.push(describe(diagnostic));
    }
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

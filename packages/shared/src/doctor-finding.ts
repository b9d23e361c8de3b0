/** What one check of `doctor` says. Only `FAIL` makes the exit code 1: a warning is something to know. */
export interface DoctorFinding {
  readonly level: 'ok' | 'warn' | 'FAIL';
  readonly name: string;
  readonly what: string;
  /** What to do about it; null where there is nothing to do. */
  readonly cure: string | null;
}

export function ok(name: string, what: string): DoctorFinding {
  return { level: 'ok', name, what, cure: null };
}

export function warn(name: string, what: string, cure: string): DoctorFinding {
  return { level: 'warn', name, what, cure };
}

export function fail(name: string, what: string, cure: string): DoctorFinding {
  return { level: 'FAIL', name, what, cure };
}

export function doctorLine({ level, name, what, cure }: DoctorFinding): string {
  return `${level.padEnd(4)}  ${name}: ${what}${cure === null ? '' : ` — ${cure}`}`;
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const maxYears = 100;
const howTo = 'give a time from now (30m, 12h, 90d), or a date (2027-01-31, 2027-01-31T18:00:00Z)';

/** `text`: a time from `now`, or an RFC 3339 date or time. Milliseconds since 1970. Throws if it is neither, or past. */
export function parseExpiry(text: string, now: number): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const at = unit
    ? now + Number(count) * unitMs[unit as keyof typeof unitMs]
    : isDate
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(at)) throw new Error(`--expires: ${howTo} (got ${JSON.stringify(text)})`);
  if (at <= now) throw new Error(`--expires: must be in the future (got ${JSON.stringify(text)})`);
  if (at > now + maxYears * 366 * unitMs.d)
    throw new Error(`--expires: must be within ${maxYears} years (got ${JSON.stringify(text)})`);
  return at;
}

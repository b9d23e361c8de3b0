/** What the text of an option can be. Each returns a parser for options.ts. */
import type { Parsed, Parser } from './options.ts';

/** Any text but blanks alone. */
export function text(): Parser<string> {
  return (given) => (given.trim() === '' ? { problem: 'must not be blank' } : { value: given });
}

export function wholeNumber(range: { readonly min: number; readonly max: number }): Parser<number> {
  const problem = `must be a whole number from ${range.min} to ${range.max}`;
  return (given) => {
    const value = Number(given);
    const isInRange = Number.isSafeInteger(value) && value >= range.min && value <= range.max;
    return /^-?\d+$/.test(given) && isInRange ? { value } : { problem };
  };
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]): Parser<Choice> {
  const problem = `must be one of ${choices.join(', ')}`;
  return (given) => {
    const value = choices.find((choice) => choice === given);
    return value === undefined ? { problem } : { value };
  };
}

/** Text that matches `pattern` as a whole; `what` completes "must be …". */
export function matching(pattern: RegExp, what: string): Parser<string> {
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags);
  return (given) => (whole.test(given) ? { value: given } : { problem: `must be ${what}` });
}

/** An absolute path, as systemd units and manifests should give it: a relative one depends on where one stands. */
export function absolutePath(): Parser<string> {
  return (given) =>
    given.startsWith('/') && !given.includes('\0')
      ? { value: given }
      : { problem: 'must be an absolute path' };
}

/** A path as typed; the edge that opens it resolves it against the working directory. */
export function path(): Parser<string> {
  return (given) => (given === '' || given.includes('\0') ? { problem: 'must be a path' } : { value: given });
}

/** An http or https URL. User and password in it are refused: they would be shown in logs. */
export function httpUrl(): Parser<URL> {
  return (given) => {
    if (!URL.canParse(given)) return { problem: 'must be a URL, as in https://host:port' };
    const url = new URL(given);
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      return { problem: 'must begin with http:// or https://' };
    return url.username || url.password ? { problem: 'must not hold a user or a password' } : { value: url };
  };
}

export interface ListenAddress {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
}

/** `HOST:PORT`; `[::1]:PORT` for IPv6; `:PORT` is every address. */
export function listenAddress(): Parser<ListenAddress> {
  const problem = 'must be HOST:PORT, as in 127.0.0.1:9477 or [::]:9477';
  return (given) => {
    const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(given);
    const port = Number(match?.[3]);
    if (!match || port > 65_535) return { problem };
    return { value: { host: match[1] ?? (match[2] || '::'), port } };
  };
}

/** Whether only this machine can reach the address. */
export function isLoopback(address: ListenAddress): boolean {
  return address.host === '::1' || address.host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(address.host);
}

/** Values between commas; a blank text is the empty list. */
export function listOf<T>(parse: Parser<T>): Parser<readonly T[]> {
  return (given): Parsed<readonly T[]> => {
    const values: T[] = [];
    for (const part of given.split(',').map((part) => part.trim())) {
      if (part === '') continue;
      const parsed = parse(part);
      if ('problem' in parsed) return parsed;
      values.push(parsed.value);
    }
    return { value: values };
  };
}

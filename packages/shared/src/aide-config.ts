/**
 * AIDE's configuration, made from a scope: what the scope takes in and what AIDE's rules take in is the same set.
 *
 * 1. A path of the scope is a rule that ends in `(?:/|\z)`: without that, `/etc` would also take `/etc2`, and `$` would
 *    match before a last newline. The deepest rule that matches decides, as in the scope.
 * 2. An exclude that lies above no other rule is a negative rule, so that AIDE does not so much as enter what it takes out.
 * 3. An exclude with a rule in what it might match is an exception within the rules that it has power over: AIDE's
 *    negative rules would outdo the deeper rule.
 *
 * Each negative rule matches everything below what it matches, so that AIDE 0.18, which does not enter such a directory,
 * and 0.19, which does, take the same: one text serves both.
 */
import { hash } from 'node:crypto';
import {
  globRegexesBelow,
  hereOrBelow,
  type NameMatching,
  pathRegex,
  withDefinitions,
} from './aide-regex.ts';
import { maxAideConfigCharacters } from './wire-aide.ts';
import { compileGlob } from './glob.ts';
import { type Scope, type ScopeAttribute, scopeAttributes } from './scope.ts';

/** Attributes that only AIDE sees, by the names in its configuration. */
export const aideOnlyAttributes = ['acl', 'xattrs', 'caps', 'selinux', 'e2fsattrs'] as const;
export type AideOnlyAttribute = (typeof aideOnlyAttributes)[number];

/** What there is to know of an AIDE to write rules for it. */
export interface AideDialect {
  readonly names: NameMatching;
  /** What this build can see. */
  readonly attributes: readonly AideOnlyAttribute[];
}

/** Debian's `aide` as it is now. */
export const usualDialect: AideDialect = { names: 'bytes', attributes: aideOnlyAttributes };

export interface AideConfigInput {
  readonly scope: Scope;
  readonly dialect: AideDialect;
  /** Where the host's root directory is seen; a byte string. */
  readonly hostRoot: string;
  /** Other file systems that walks do not enter, as reported paths. */
  readonly mounts: readonly string[];
}

/** What AIDE finds open: its baseline database, the report that it writes, the new database. */
export const aideDescriptors = { baseline: 3, report: 4, database: 5 } as const;

/** A scope, or a place, that AIDE's configuration cannot express. */
export class AideConfigError extends Error {
  readonly code = 'no-aide-config';
}

/** The text that AIDE reads. Each line ends in a newline, as it must. Throws {@link AideConfigError}. */
export function aideConfig(input: AideConfigInput): string {
  const config = [...settings(input), ...aideRules(input), ''].join('\n');
  if (config.length <= maxAideConfigCharacters) return config;
  throw new AideConfigError(
    `the scope makes a configuration of AIDE with more than ${maxAideConfigCharacters / 1024} KiB; name fewer paths and excludes`,
  );
}

/** Without what differs from run to run and from host to host, and says nothing of what is looked at. */
const placeSettings = /^(?:database_in|database_out|report_url|root_prefix|num_workers)=.*\n/gm;

/** Hex sha256 over what the configuration looks at. It belongs to the baseline. */
export function aideConfigDigest(config: string): string {
  return hash('sha256', config.replaceAll(placeSettings, ''));
}

/** AIDE's reader parts a setting at anything else. */
const plainRoot = /^\/[\w./+:,~-]*$/;

function settings({ hostRoot }: AideConfigInput): string[] {
  if (!plainRoot.test(hostRoot)) {
    throw new AideConfigError(`AIDE cannot be told of a host root called ${JSON.stringify(hostRoot)}`);
  }
  return [
    `database_in=fd:${aideDescriptors.baseline}`,
    `database_out=fd:${aideDescriptors.database}`,
    ...(hostRoot === '/' ? [] : [`root_prefix=${hostRoot}`]),
    'num_workers=1',
    'database_add_metadata=no', // the same files make the same bytes
    'database_attrs=sha256',
    'gzip_dbout=no',
    'log_level=warning',
    'report_format=json', // before report_url, which takes the format that holds when it is read
    'report_base16=yes',
    'report_level=added_removed_entries',
    `report_url=fd:${aideDescriptors.report}`,
  ];
}

function aideRules({ scope, dialect, mounts }: AideConfigInput): string[] {
  const { names } = dialect;
  const rule = (regex: string): string => withDefinitions(regex, names).replaceAll('\\', '\\\\');
  const excludes = (scope.exclude ?? []).map((glob) => ({ glob, prefix: compileGlob(glob).literalPrefix }));
  const isException = (prefix: string): boolean =>
    scope.paths.some(({ path }) => path.length > prefix.length && path.startsWith(prefix));
  const longestFirst = scope.paths.toSorted((a, b) => b.path.length - a.path.length);

  const negative = [
    ...mounts.map((path) => `!${rule(pathRegex(path, names) + hereOrBelow)}`),
    ...excludes
      .filter(({ prefix }) => !isException(prefix))
      .flatMap(({ glob }) => globRegexesBelow(glob, '/', names))
      .map((regex) => `!${rule(fromSlash(regex + hereOrBelow))}`),
  ];
  const selective = longestFirst.flatMap(({ path, attributes }) => {
    const exceptions = excludes
      .filter(({ prefix }) => isException(prefix) && prefix.length >= path.length)
      .flatMap(({ glob }) => globRegexesBelow(glob, path, names));
    const regex = rule(takenIn(path, exceptions, names));
    const { ofFiles, ofOthers } = aideAttributes(attributes ?? scopeAttributes, dialect);
    return [`${regex} f ${ofFiles}`, `${regex} d,l,c,b,p,s ${ofOthers}`];
  });
  return [...new Set([...negative, ...selective])];
}

/** AIDE wants a slash first, also where any number of parts may come before the first that is named. */
function fromSlash(regex: string): string {
  return regex.startsWith('/') ? regex : `/(?<=(?=${regex})/)`;
}

/** `path` and what is below it, but not what matches `exceptions`, which begin where `path` ends. */
function takenIn(path: string, exceptions: readonly string[], names: NameMatching): string {
  const exception = exceptions.length > 0 ? `(?:${exceptions.join('|')})${hereOrBelow}` : null;
  // The rule's own slash, which AIDE wants first, is the one that each exception begins with.
  if (path === '/') return exception === null ? '/' : `/(?<!(?=${exception})/)`;
  return `${pathRegex(path, names)}${exception === null ? '' : `(?!${exception})`}${hereOrBelow}`;
}

const namesInAide: Readonly<Record<ScopeAttribute, string | null>> = {
  type: 'ftype',
  mode: 'p',
  uid: 'u',
  gid: 'g',
  sha256: 'sha256',
  target: 'l',
  device: null, // no AIDE records it
};

/** Size and links follow from the names in a directory, so that each new file would change it. */
function aideAttributes(
  counted: readonly ScopeAttribute[],
  dialect: AideDialect,
): { ofFiles: string; ofOthers: string } {
  const named = scopeAttributes.filter((name) => counted.includes(name)).map((name) => namesInAide[name]);
  const without = (...left: (string | null)[]): string[] =>
    named.filter((name): name is string => name !== null && !left.includes(name));
  const ofFile = counted.includes('sha256') ? ['s', 'n'] : [];
  const ofContent = (attribute: AideOnlyAttribute): boolean => attribute === 'e2fsattrs';
  return {
    ofFiles: [...without('l'), ...ofFile, ...dialect.attributes].join('+'),
    // An ext file system marks a directory that has grown (I); of a file, nothing that happens by itself.
    ofOthers: [...without('sha256'), ...dialect.attributes.filter((name) => !ofContent(name))].join('+'),
  };
}

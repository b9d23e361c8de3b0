/**
 * Options of a program, from one table: each has a name in lower camel case, from which its environment variable
 * (`nodeName` → `HOLDFAST_NODE_NAME`), its flag (`--node-name`) and its key in the configuration file follow.
 *
 * Rules:
 * 1. Flags win, then the environment, then the file, then the default. An empty variable counts as not set.
 * 2. Every problem is told at once, as `NAME: reason (got value)`, NAME as the user wrote it. Secrets are never shown.
 * 3. A `HOLDFAST_*` variable or a key of the file that no option has is a problem. The variables that Kubernetes
 *    injects for a service whose name begins with "holdfast" are not.
 * 4. A secret has no flag: command lines are readable by every user of the machine.
 */
import { nearestName } from './nearest-name.ts';

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** Reads an option's text. The problem completes the sentence "NAME …", as in "must be a whole number". */
export type Parser<T> = (text: string) => Parsed<T>;

export interface Option<T> {
  /** One line, for --help and the documentation. */
  readonly doc: string;
  /** What stands for the value in --help: `SECONDS`, `FILE`. */
  readonly placeholder: string;
  readonly parse: Parser<T>;
  readonly default: T;
  /** How the default is shown where the value itself says too little. */
  readonly defaultText: string;
  readonly secret: boolean;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;
export type OptionValues<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer T> ? T : never;
};

interface OptionWords {
  readonly doc: string;
  readonly placeholder: string;
  readonly defaultText?: string;
  readonly secret?: boolean;
}

/** Without a default, the option is null where it is not set. */
export function option<T>(words: OptionWords & { parse: Parser<T>; default: NoInfer<T> }): Option<T>;
export function option<T>(words: OptionWords & { parse: Parser<T> }): Option<T | null>;
export function option<T>(words: OptionWords & { parse: Parser<T>; default?: NoInfer<T> }): Option<T | null> {
  const fallback = words.default ?? null;
  return {
    doc: words.doc,
    placeholder: words.placeholder,
    parse: words.parse,
    default: fallback,
    defaultText: words.defaultText ?? defaultText(fallback),
    secret: words.secret ?? false,
  };
}

export interface OptionSources {
  /** Values by option name. Names that no option has are ignored: they are flags of another kind. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The parsed configuration file, and what to call it in a problem. Null where there is none. */
  readonly file: {
    readonly name: string;
    readonly content: unknown;
    /** How an option is called in the file, where that is not its name. */
    readonly called?: (option: string) => string;
  } | null;
}

/**
 * What is wrong between options that are each well formed; in the form of rule 2. `nameOf` says how the user called
 * an option. Options that have a problem of their own are at their default, and what is said of them here is not told.
 */
export type CrossCheck<Table extends OptionTable> = (
  values: OptionValues<Table>,
  nameOf: (name: keyof Table & string) => string,
) => readonly string[];

export type ReadOptions<Table extends OptionTable> =
  | { readonly values: OptionValues<Table> }
  | { readonly problems: readonly string[] };

export function readOptions<Table extends OptionTable>(
  table: Table,
  sources: OptionSources,
  crossCheck: CrossCheck<Table> = () => [],
): ReadOptions<Table> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const file = fileContent(sources.file, problems);
  const names = new Map<string, string>();
  const malformed: string[] = [];
  for (const [name, option] of Object.entries(table)) {
    const given = pick(name, option, sources, file);
    names.set(name, given?.called ?? environmentName(name));
    values[name] = option.default;
    if (!given) continue;
    const parsed = parseGiven(option, given.value);
    if ('value' in parsed) values[name] = parsed.value;
    else {
      malformed.push(`${given.called}: `);
      problems.push(`${given.called}: ${parsed.problem}`);
    }
  }
  problems.push(...unknownVariables(table, sources.environment), ...unknownKeys(table, file));
  const complete = values as OptionValues<Table>;
  const together = crossCheck(complete, (name) => names.get(name) ?? name);
  problems.push(...together.filter((problem) => !malformed.some((start) => problem.startsWith(start))));
  return problems.length > 0 ? { problems } : { values: complete };
}

/** `nodeName` → `HOLDFAST_NODE_NAME` */
export function environmentName(name: string): string {
  return `HOLDFAST_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** `nodeName` → `--node-name` */
export function flagName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** An option as --help and the documentation show it. */
export interface OptionDescription {
  /** The key in the configuration file. */
  readonly name: string;
  readonly environment: string;
  /** Null for a secret. */
  readonly flag: string | null;
  readonly placeholder: string;
  readonly doc: string;
  readonly defaultText: string;
}

export function describeOptions(table: OptionTable): OptionDescription[] {
  return Object.entries(table).map(([name, { secret, placeholder, doc, defaultText }]) => ({
    name,
    environment: environmentName(name),
    flag: secret ? null : flagName(name),
    placeholder,
    doc,
    defaultText,
  }));
}

export class OptionsError extends Error {
  readonly code = 'invalid-options';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`invalid configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'OptionsError';
    this.problems = problems;
  }
}

interface NamedFile {
  readonly name: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly called: (option: string) => string;
}

function fileContent(file: OptionSources['file'], problems: string[]): NamedFile | null {
  if (file === null || file.content === null || file.content === undefined) return null;
  if (typeof file.content === 'object' && !Array.isArray(file.content)) {
    const { name, called = (option) => option } = file;
    return { name, content: file.content as Record<string, unknown>, called };
  }
  problems.push(`${file.name}: must hold names and values, as in "listen: 127.0.0.1:9477"`);
  return null;
}

interface Given {
  readonly called: string;
  readonly value: unknown;
}

function pick(
  name: string,
  option: Option<unknown>,
  sources: OptionSources,
  file: NamedFile | null,
): Given | null {
  const flag = option.secret ? undefined : sources.flags[name];
  if (flag !== undefined) return { called: flagName(name), value: flag };
  const variable = sources.environment[environmentName(name)];
  if (variable !== undefined && variable !== '') return { called: environmentName(name), value: variable };
  const value = file && Object.hasOwn(file.content, name) ? file.content[name] : null;
  return file && value !== null ? { called: `${file.called(name)} in ${file.name}`, value } : null;
}

function parseGiven(option: Option<unknown>, value: unknown): Parsed<unknown> {
  const text = textOf(value);
  if (text === null) return { problem: 'must be a single value or a list of values' };
  const parsed = option.parse(text);
  if ('value' in parsed) return parsed;
  return { problem: `${parsed.problem} (got ${option.secret ? 'a value that is not shown' : shown(text)})` };
}

/** A list in the file is what a comma-separated text is elsewhere. */
function textOf(value: unknown): string | null {
  if (Array.isArray(value)) {
    const parts = value.map(textOf);
    return parts.includes(null) ? null : parts.join(',');
  }
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

const maxShownCharacters = 100;

/** Quoted, cut, and without a URL's user and password. */
function shown(text: string): string {
  const safe = text.replaceAll(/\/\/[^/@]*@/g, '//…@');
  return JSON.stringify(
    safe.length > maxShownCharacters ? `${safe.slice(0, maxShownCharacters - 1)}…` : safe,
  );
}

/** A problem for each `HOLDFAST_*` variable that names no option, and that Kubernetes did not set for a Service. */
export function unknownVariables(table: OptionTable, environment: OptionSources['environment']): string[] {
  const known = Object.keys(table).map(environmentName);
  const present = Object.keys(environment).filter((name) => name.startsWith('HOLDFAST_'));
  const services = present
    .filter((name) => name.endsWith('_SERVICE_HOST'))
    .map((name) => name.slice(0, -'_SERVICE_HOST'.length));
  return present
    .filter((name) => !known.includes(name) && !services.some((service) => isServiceLink(name, service)))
    .map((name) => `${name}: is not an option${hint(nearestName(name, known))}`);
}

/** Whether Kubernetes sets variable `name` for the service whose variables begin with `service`. */
function isServiceLink(name: string, service: string): boolean {
  if (!name.startsWith(service)) return false;
  return /^_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/.test(
    name.slice(service.length),
  );
}

function unknownKeys(table: OptionTable, file: NamedFile | null): string[] {
  if (!file) return [];
  const known = Object.keys(table);
  return Object.keys(file.content)
    .filter((name) => !Object.hasOwn(table, name))
    .map((name) => `${name} in ${file.name}: is not an option${hint(nearestName(name, known))}`);
}

function hint(name: string | null): string {
  return name ? `; did you mean ${name}?` : '';
}

function defaultText(value: unknown): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return 'none';
  const text = textOf(value);
  if (text === null) throw new Error('an option with this default must say how to show it: defaultText');
  return text;
}

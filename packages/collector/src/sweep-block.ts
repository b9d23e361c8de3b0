/**
 * The `sweep:` block of the configuration file. Its single values and lists of words are options like any other, under
 * the names of sweep-options.ts; what has members of its own (exclude, prepare, ignore, promote) is checked here.
 */
import { globProblem } from '@holdfast/shared/glob';
import { nearestName } from '@holdfast/shared/nearest-name';
import type { Static, TSchema } from 'typebox';
import * as Type from 'typebox';
import { shapeOf } from '@holdfast/shared/shape';
import type { StackRule } from '#sweep/core/stack-rule';
import { maxStackGlobLength, stackGlob } from '#sweep/core/stack-glob';

/** Where in the block an option stands. */
const places: Readonly<Record<string, string>> = {
  'source.path': 'sweepPath',
  'source.git': 'sweepGit',
  'source.ref': 'sweepRef',
  'source.credentialsFile': 'sweepCredentialsFile',
  'source.knownHostsFile': 'sweepKnownHostsFile',
  stacks: 'sweepStacks',
  marker: 'sweepMarker',
  scaffolds: 'sweepScaffolds',
  command: 'sweepCommand',
  schedule: 'sweepSchedule',
  timezone: 'sweepTimezone',
  jitterSeconds: 'sweepJitterSeconds',
  concurrency: 'sweepConcurrency',
  stackTimeoutSeconds: 'sweepStackTimeoutSeconds',
  deadlineSeconds: 'sweepDeadlineSeconds',
  prepareTimeoutSeconds: 'sweepPrepareTimeoutSeconds',
  environment: 'sweepEnvironment',
  user: 'sweepUser',
  'vault.address': 'sweepVaultAddress',
  'vault.role': 'sweepVaultRole',
  'vault.mount': 'sweepVaultMount',
  'vault.tokenFile': 'sweepVaultTokenFile',
  'vault.audience': 'sweepVaultAudience',
  'vault.namespace': 'sweepVaultNamespace',
  'vault.caFile': 'sweepVaultCaFile',
  'push.token': 'sweepPushToken',
  'push.tokenFile': 'sweepPushTokenFile',
  'push.caFile': 'sweepPushCaFile',
};

const strict = { additionalProperties: false } as const;
const words = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const Glob = words(maxStackGlobLength);
const Command = Type.Union([words(4096), Type.Array(words(4096), { minItems: 1, maxItems: 100 })]);
const Rule = Type.Object(
  {
    stack: Type.Optional(Glob),
    address: words(1024),
    attributes: Type.Optional(Type.Array(words(256), { minItems: 1, maxItems: 50 })),
    reason: words(1000),
    owner: words(200),
    until: Type.Optional(Type.String({ format: 'date' })),
  },
  strict,
);

const lists = {
  exclude: Type.Array(Type.Object({ stack: Glob, reason: words(1000) }, strict), { maxItems: 1000 }),
  prepare: Type.Array(Command, { maxItems: 20 }),
  ignore: Type.Array(Rule, { maxItems: 1000 }),
  promote: Type.Array(Rule, { maxItems: 1000 }),
};
type ListName = keyof typeof lists;
type Lists = { readonly [Name in ListName]: Static<(typeof lists)[Name]> };

export interface SweepBlock {
  readonly exclude: readonly { readonly stack: string; readonly reason: string }[];
  /** Each a program with its arguments. */
  readonly prepare: readonly (readonly string[])[];
  readonly rules: readonly StackRule[];
}

export interface ReadSweepBlock {
  /** The file's content with the block's options in the place of the block. */
  readonly content: unknown;
  readonly block: SweepBlock;
  /** How an option is called in the file. */
  readonly called: (option: string) => string;
  readonly problems: readonly string[];
  /** There is a block, and it names no source of stacks. */
  readonly lacksSource: boolean;
}

/** `fileName` is what problems call the file. */
export function readSweepBlock(content: unknown, fileName: string): ReadSweepBlock {
  const called = (option: string) => {
    const place = Object.keys(places).find((each) => places[each] === option);
    return place === undefined ? option : `sweep.${place}`;
  };
  const none = { exclude: [], prepare: [], rules: [] };
  if (!isObject(content) || content['sweep'] === undefined || content['sweep'] === null) {
    return { content, block: none, called: (option) => option, problems: [], lacksSource: false };
  }
  const { sweep, ...rest } = content;
  if (!isObject(sweep)) {
    const problem = `sweep in ${fileName}: must hold names and values, as in "source: {path: /infra}"`;
    return { content: rest, block: none, called, problems: [problem], lacksSource: false };
  }
  const problems: string[] = [];
  const options = optionsOf(sweep, fileName, problems);
  const block = blockOf(sweep, fileName, problems);
  const lacksSource = !('sweepPath' in options) && !('sweepGit' in options);
  return { content: { ...rest, ...options }, block, called, problems, lacksSource };
}

function optionsOf(sweep: Plain, fileName: string, problems: string[]): Plain {
  const options: Record<string, unknown> = {};
  const groups = new Set(
    Object.keys(places).flatMap((place) => (place.includes('.') ? [place.split('.')[0]!] : [])),
  );
  const known = [...Object.keys(places), ...groups, ...Object.keys(lists)];
  for (const [place, value] of membersOf(sweep, groups)) {
    const option = places[place];
    if (option !== undefined) options[option] = Array.isArray(value) ? JSON.stringify(value) : value;
    else if (groups.has(place)) problems.push(`sweep.${place} in ${fileName}: must hold names and values`);
    else if (!Object.hasOwn(lists, place)) {
      const near = nearestName(place, known);
      problems.push(
        `sweep.${place} in ${fileName}: is not an option${near === null ? '' : `; did you mean ${near}?`}`,
      );
    }
  }
  return options;
}

/** The members, those of a group under `group.name`. */
function membersOf(sweep: Plain, groups: ReadonlySet<string>): [string, unknown][] {
  return Object.entries(sweep).flatMap(([name, value]): [string, unknown][] => {
    if (value === null) return [];
    if (!groups.has(name) || !isObject(value)) return [[name, value]];
    return Object.entries(value).map(([inner, each]) => [`${name}.${inner}`, each]);
  });
}

function blockOf(sweep: Plain, fileName: string, problems: string[]): SweepBlock {
  const read = <Name extends ListName>(name: Name): Lists[Name] => {
    const found = checked(`sweep.${name}`, lists[name], sweep[name] ?? [], fileName, problems);
    return (found ?? []) as Lists[Name];
  };
  const exclude = read('exclude');
  const ignore = read('ignore');
  const promote = read('promote');
  for (const [name, list] of Object.entries({ exclude, ignore, promote })) {
    for (const [i, { stack }] of list.entries()) {
      const problem = stack === undefined ? null : globProblem(stackGlob(stack));
      if (problem !== null)
        problems.push(`sweep.${name}[${i}].stack in ${fileName}: ${problem} (got "${stack}")`);
    }
  }
  return {
    exclude,
    prepare: read('prepare').map((each) => (typeof each === 'string' ? ['sh', '-c', each] : each)),
    rules: [...rulesOf('ignore', ignore), ...rulesOf('promote', promote)],
  };
}

/** The id says in a report which rule is meant: its place in the file moves when another is added. */
function rulesOf(effect: StackRule['effect'], list: Lists['ignore']): StackRule[] {
  const seen = new Map<string, number>();
  return list.map(({ stack = '**', address, attributes = null, reason, owner, until }) => {
    const words = `${effect} ${stack} ${address}${attributes === null ? '' : ` [${attributes.join(', ')}]`}`;
    const times = (seen.get(words) ?? 0) + 1;
    seen.set(words, times);
    const id = times === 1 ? words : `${words} #${times}`;
    return {
      id,
      effect,
      stack,
      address,
      attributes,
      reason,
      owner,
      until: until === undefined ? null : Date.parse(until),
    };
  });
}

const maxErrorsNamed = 5;

function checked(
  name: string,
  schema: TSchema,
  value: unknown,
  fileName: string,
  problems: string[],
): unknown {
  const shape = shapeOf(schema);
  if (shape.check(value)) return value;
  for (const { instancePath, message } of shape.errors(value).slice(0, maxErrorsNamed)) {
    const place = instancePath.replaceAll(/\/(\d+)/g, '[$1]').replaceAll('/', '.');
    problems.push(`${name}${place} in ${fileName}: ${message}`);
  }
  return null;
}

type Plain = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

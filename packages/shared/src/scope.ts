/**
 * The scope: which paths are watched, and which attributes of each count.
 *
 * A path is taken in if the longest rule that is it, or lies above it, has a longer text than the literal prefix of
 * every exclude that matches it (the exclude wins ties). The same rule says which attributes count.
 */
import { hash } from 'node:crypto';
import type { Static } from 'typebox';
import * as Type from 'typebox';
import { Check, Errors } from 'typebox/schema';
import { type Document, parseDocument } from 'yaml';
import { compileGlob, globProblem } from './glob.ts';
import { isPathText, isWithin, parentOf } from './path-text.ts';
import { schemaProblems } from './schema-problems.ts';

/** What a rule may name. `sha256` brings `size` along: size follows from the content. */
export const scopeAttributes = ['type', 'mode', 'uid', 'gid', 'sha256', 'target', 'device'] as const;
export type ScopeAttribute = (typeof scopeAttributes)[number];

export const maxScopeRules = 1000;
export const maxScopeTextLength = 256 * 1024;

const PathRule = Type.Object(
  {
    path: Type.String(),
    attributes: Type.Optional(Type.Array(Type.Enum([...scopeAttributes]), { minItems: 1 })),
    /** Whether to enter file systems that are mounted below this path. Default: record the mount, stay out. */
    enterMounts: Type.Optional(Type.Boolean()),
    /** Whether the path may be absent from the start. Default: a first manifest without it waits for an operator. */
    optional: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const Scope = Type.Object(
  {
    version: Type.Literal(1),
    paths: Type.Array(PathRule, { minItems: 1, maxItems: maxScopeRules }),
    exclude: Type.Optional(Type.Array(Type.String(), { maxItems: maxScopeRules })),
  },
  { additionalProperties: false },
);
export type Scope = Static<typeof Scope>;

export class ScopeError extends Error {
  readonly code = 'invalid-scope';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`invalid scope:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ScopeError';
    this.problems = problems;
  }
}

/** Reads a scope file. Throws {@link ScopeError} with every problem at once. */
export function parseScope(yamlText: string): Scope {
  if (yamlText.length > maxScopeTextLength) {
    throw new ScopeError([`the file is larger than ${maxScopeTextLength / 1024} KiB`]);
  }
  const document: Document = parseDocument(yamlText, { uniqueKeys: true });
  if (document.errors.length > 0) throw new ScopeError(document.errors.map((error) => error.message));
  return checkScope(valueOf(document));
}

/** A file of a few hundred bytes can stand for gigabytes by aliases of aliases. */
const maxScopeAliases = 100;

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: maxScopeAliases });
  } catch (error) {
    throw new ScopeError([error instanceof Error ? error.message : String(error)]);
  }
}

/** Checks a value that should be a scope. Throws {@link ScopeError} with every problem at once. */
export function checkScope(value: unknown): Scope {
  // Not compiled: it is checked once.
  if (!Check(Scope, value)) throw new ScopeError(schemaProblems(Errors(Scope, value)[1]));
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [i, { path }] of value.paths.entries()) {
    if (!isPathText(path)) {
      problems.push(
        `/paths/${i}/path: must be an absolute path without "." or ".." or a closing slash (got ${JSON.stringify(path)})`,
      );
    }
    if (seen.has(path)) problems.push(`/paths/${i}/path: is listed twice (got ${JSON.stringify(path)})`);
    seen.add(path);
  }
  for (const [i, glob] of (value.exclude ?? []).entries()) {
    const problem = globProblem(glob);
    if (problem) problems.push(`/exclude/${i}: ${problem} (got ${JSON.stringify(glob)})`);
  }
  if (problems.length === 0) problems.push(...deadRules(value));
  if (problems.length > 0) throw new ScopeError(problems);
  return value;
}

/** Rules whose own path an exclude takes out: whoever wrote one believes that the path is watched. */
function deadRules({ paths, exclude = [] }: Scope): string[] {
  const globs = exclude.map(compileGlob);
  return paths.flatMap(({ path }, i) => {
    const excludedBy = globs.findIndex(
      (glob) => glob.literalPrefix.length >= path.length && glob.matches(path),
    );
    return excludedBy < 0
      ? []
      : [`/paths/${i}/path: is taken out by /exclude/${excludedBy} (got ${JSON.stringify(path)})`];
  });
}

/** Hex sha256 over what the scope means: the order of rules, excludes and attributes does not matter. */
export function scopeDigest(scope: Scope): string {
  const meaning = {
    version: scope.version,
    paths: scope.paths
      .map(({ path, attributes, enterMounts = false, optional = false }) => {
        const always = [path, sortedAttributes(attributes), enterMounts] as const;
        return optional ? ([...always, 'optional'] as const) : always;
      })
      .sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    exclude: [...new Set(scope.exclude)].sort(),
  };
  return hash('sha256', JSON.stringify(meaning));
}

export interface MatchedRule {
  readonly path: string;
  readonly attributes: ReadonlySet<ScopeAttribute>;
  readonly enterMounts: boolean;
}

export interface ScopeMatcher {
  readonly scope: Scope;
  readonly digest: string;
  /** The rule that takes `path` in, or null if the path is out of scope. */
  match(path: string): MatchedRule | null;
  /** Whether a rule names something below `path`, so that a walk must pass through it even if it is excluded. */
  leadsToRule(path: string): boolean;
  /** Whether `path` is itself named by a rule. */
  isRoot(path: string): boolean;
  /** Rules that no other rule lies above: where walks start. */
  readonly roots: readonly string[];
}

/**
 * What matching may cost in all, in characters of a path times characters of a glob that it is held against: a second
 * or two. 500,000 paths of 60 characters against twenty globs that begin with a wildcard cost half of it.
 */
export const maxForeignScopeWork = 10_000_000_000;

/** For a scope that someone else wrote: matching throws {@link ScopeError} once it has cost {@link maxForeignScopeWork}. */
export function compileForeignScope(scope: Scope): ScopeMatcher {
  let left = maxForeignScopeWork;
  return compileScope(scope, (work) => {
    left -= work;
    if (left < 0) throw new ScopeError(['/exclude: takes too much work to match']);
  });
}

export function compileScope(scope: Scope, spend: (work: number) => void = () => {}): ScopeMatcher {
  const rules = new Map<string, MatchedRule>();
  const leading = new Set<string>();
  for (const { path, attributes, enterMounts = false } of scope.paths) {
    rules.set(path, { path, attributes: new Set(attributes ?? scopeAttributes), enterMounts });
    for (let up = path; up !== '/'; ) leading.add((up = parentOf(up)));
  }
  const excludes = (scope.exclude ?? []).map(compileGlob);
  const paths = [...rules.keys()].sort();

  const ruleAbove = (path: string): MatchedRule | null => {
    for (let up = path; ; up = parentOf(up)) {
      const rule = rules.get(up);
      if (rule) return rule;
      if (up === '/') return null;
    }
  };
  // Paths come a directory at a time.
  let lastDirectory = '/';
  let lastRule = ruleAbove('/');
  const ruleOf = (path: string): MatchedRule | null => {
    const own = rules.get(path);
    if (own) return own;
    const directory = parentOf(path);
    if (directory !== lastDirectory) {
      lastDirectory = directory;
      lastRule = ruleAbove(directory);
    }
    return lastRule;
  };

  return {
    scope,
    digest: scopeDigest(scope),
    match(path) {
      const rule = ruleOf(path);
      if (!rule) return null;
      for (const exclude of excludes) {
        if (exclude.literalPrefix.length < rule.path.length) continue;
        if (!path.startsWith(exclude.literalPrefix)) continue;
        spend(path.length * exclude.source.length);
        if (exclude.matches(path)) return null;
      }
      return rule;
    },
    leadsToRule: (path) => leading.has(path),
    isRoot: (path) => rules.has(path),
    roots: paths.filter((path) => !paths.some((other) => other !== path && isWithin(path, other))),
  };
}

function sortedAttributes(named: readonly ScopeAttribute[] | undefined): ScopeAttribute[] {
  return named ? scopeAttributes.filter((attribute) => named.includes(attribute)) : [...scopeAttributes];
}

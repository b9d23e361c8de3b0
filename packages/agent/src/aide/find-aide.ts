/** Which AIDE is here, and what it can do. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type AideDialect, type AideOnlyAttribute, aideOnlyAttributes } from '@holdfast/shared/aide-config';
import { type AideProgram, runAideProcess } from './aide-process.ts';

export interface AideInstallation {
  readonly program: AideProgram;
  /** As in "0.18.3". */
  readonly version: string;
  readonly dialect: AideDialect;
}

export type FoundAide =
  | { readonly kind: 'off' }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'found'; readonly aide: AideInstallation };

export interface AideSearch {
  /** `off`, a path, or null for `aide` on the search path. */
  readonly binary: string | null;
  /** As in PATH. */
  readonly searchPath: string;
}

export const installCure = 'install the package `aide`, or set HOLDFAST_AIDE_BINARY=off';

/** A question that AIDE answers in moments. */
const questionLimitMs = 20_000;

export async function findAide({ binary, searchPath }: AideSearch, signal: AbortSignal): Promise<FoundAide> {
  if (binary === 'off') return { kind: 'off' };
  const path = await findProgram(binary ?? 'aide', searchPath);
  if (path === null) return { kind: 'absent', reason: `${binary ?? 'aide'} is not found` };
  for (const wrappers of await wrapperChoices(searchPath)) {
    const program = { path, wrappers };
    const aide = await inspect(program, signal);
    if (typeof aide !== 'string') return { kind: 'found', aide };
    if (wrappers.length === 0) return { kind: 'unusable', reason: aide };
  }
  throw new Error('no choice is left');
}

/** With the means that are there: to end with the agent, and to read only when nobody else does. */
async function wrapperChoices(searchPath: string): Promise<readonly (readonly string[])[]> {
  const setpriv = await findProgram('setpriv', searchPath);
  const ionice = await findProgram('ionice', searchPath);
  const dying = setpriv === null ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const idle = ionice === null ? [] : [ionice, '-c', '3'];
  return [[...dying, ...idle], dying, idle, []];
}

/** The first that may be executed; null if none. */
export async function findProgram(name: string, searchPath: string): Promise<string | null> {
  const candidates = name.includes('/')
    ? [name]
    : searchPath.split(delimiter).map((directory) => join(directory || '.', name));
  for (const candidate of candidates) {
    const isExecutable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return candidate;
  }
  return null;
}

/** A sentence on what is wrong with it, otherwise. */
async function inspect(program: AideProgram, signal: AbortSignal): Promise<AideInstallation | string> {
  const { exit, text } = await ask(program, ['--version'], undefined, signal);
  const version = /^(?:AIDE|Aide),? (?:version )?(\d+\.\d+[\w.]*)/m.exec(text)?.[1];
  if (exit !== 0 || version === undefined) return `${program.path} does not say which version of AIDE it is`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === 0 && minor < 18) {
    return `${program.path} is AIDE ${version}; reports that a program can read came with 0.18`;
  }
  const attributes = aideOnlyAttributes.filter((name) => hasAttribute(text, name));
  const matchesBytes = await ask(program, ['--config=-', '--path-check=f:/é'], '/..(?:/|\\\\z) p\n', signal);
  return { program, version, dialect: { names: matchesBytes.exit === 0 ? 'bytes' : 'utf8', attributes } };
}

function hasAttribute(versionText: string, name: AideOnlyAttribute): boolean {
  const compiled = /Available compiled-in attributes:\n((?:.+\n)*)/.exec(versionText)?.[1] ?? '';
  return new RegExp(`^${name}: yes$`, 'm').test(compiled);
}

async function ask(
  program: AideProgram,
  args: readonly string[],
  config: string | undefined,
  signal: AbortSignal,
): Promise<{ exit: number | null; text: string }> {
  let text = '';
  const take = (piece: string): void => {
    if (text.length < maxAnswerCharacters) text += piece;
  };
  try {
    const { exit } = await runAideProcess({
      program,
      args,
      ...(config === undefined ? {} : { config }),
      onStdout: take,
      onStderr: take,
      timeLimitMs: questionLimitMs,
      stateDirectory: null,
      signal,
    });
    return { exit, text };
  } catch (error) {
    return { exit: null, text: String(error) };
  }
}

const maxAnswerCharacters = 64 * 1024;

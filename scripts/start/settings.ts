/** Where `npm start` keeps things, and which of its environment each of the two programs gets. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { agentOptions } from '@holdfast/agent/options';
import { collectorOptions } from '@holdfast/collector/config';
import { defaultScope } from '@holdfast/shared/default-scope';
import { environmentName, type OptionTable, unknownVariables } from '@holdfast/shared/options';
import { compileScope, parseScope } from '@holdfast/shared/scope';

export interface Settings {
  /** Holds tokens, logs and, unless told otherwise, the data of both programs. */
  readonly directory: string;
  readonly operatorTokenFile: string;
  readonly operatorToken: string;
  readonly url: string;
  readonly caFile: string | undefined;
  /** Of the scope: what the table shows. */
  readonly roots: readonly string[];
  readonly collectorEnvironment: NodeJS.ProcessEnv;
  readonly agentEnvironment: NodeJS.ProcessEnv;
}

const defaultListen = '127.0.0.1:9477';

/**
 * Creates what is missing. `checkout` is the project's directory. Throws if a variable is unknown to both programs, or
 * if what it names cannot be used.
 */
export function prepare(given: NodeJS.ProcessEnv, checkout: string): Settings {
  rejectUnknown(given);
  const environment = withoutEmpty(given);
  const dataDir = environment['HOLDFAST_DATA_DIR'];
  const directory = resolve(dataDir ?? join(checkout, '.holdfast'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const operator = tokenOf('operator', environment, directory);
  const agent = tokenOf('agent', environment, directory);
  const scheme = environment['HOLDFAST_TLS_CERT_FILE'] === undefined ? 'http' : 'https';
  const url = `${scheme}://${reachable(environment['HOLDFAST_LISTEN'] ?? defaultListen)}`;
  const caFile = environment['HOLDFAST_CA_FILE'] ?? environment['HOLDFAST_TLS_CERT_FILE'];
  return {
    directory,
    operatorTokenFile: operator.file,
    operatorToken: operator.token,
    url,
    caFile,
    roots: rootsOf(environment['HOLDFAST_SCOPE_FILE']),
    collectorEnvironment: {
      ...environmentFor(collectorOptions, environment),
      HOLDFAST_DATA_DIR: dataDir === undefined ? join(directory, 'collector') : directory,
      HOLDFAST_OPERATOR_TOKEN: operator.token,
      HOLDFAST_OPERATOR_TOKEN_FILE: undefined,
      HOLDFAST_AGENT_TOKEN: agent.token,
      HOLDFAST_AGENT_TOKEN_FILE: undefined,
    },
    agentEnvironment: {
      HOLDFAST_STATE_DIR: join(directory, 'agent'),
      HOLDFAST_START_SPLAY_SECONDS: '0',
      ...environmentFor(agentOptions, environment),
      HOLDFAST_COLLECTOR_URL: url,
      HOLDFAST_TOKEN: agent.token,
      HOLDFAST_TOKEN_FILE: undefined,
      HOLDFAST_CA_FILE: caFile,
      HOLDFAST_LISTEN: undefined, // under `npm start` it is the collector's
    },
  };
}

/** An empty variable counts as not set, as it does to the programs. */
function withoutEmpty(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => !name.startsWith('HOLDFAST_') || value?.trim()),
  );
}

/** A variable that one program knows would be an error to the other. */
function environmentFor(table: OptionTable, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const known = namesOf(table);
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('HOLDFAST_') || known.has(name)),
  );
}

function rejectUnknown(environment: NodeJS.ProcessEnv): void {
  const unknown = unknownVariables({ ...agentOptions, ...collectorOptions }, environment);
  if (unknown.length > 0) throw new Error(`invalid configuration:\n  ${unknown.join('\n  ')}`);
}

function namesOf(table: OptionTable): Set<string> {
  return new Set(Object.keys(table).map(environmentName));
}

interface Token {
  readonly token: string;
  /** Where the printed curl lines find it. */
  readonly file: string;
}

/** As the variables say; else the one in `directory`, which is made if it is not there. */
function tokenOf(role: 'operator' | 'agent', environment: NodeJS.ProcessEnv, directory: string): Token {
  const variable = `HOLDFAST_${role.toUpperCase()}_TOKEN`;
  const [value, givenFile] = [environment[variable], environment[`${variable}_FILE`]];
  if (givenFile !== undefined) {
    if (value !== undefined) throw new Error(`${variable} and ${variable}_FILE: set one of them`);
    const token = readFileSync(givenFile, 'utf8').trim();
    if (token === '') throw new Error(`${variable}_FILE: ${givenFile} is empty`);
    return { token, file: givenFile };
  }
  const file = join(directory, `${role}.token`);
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // Empty: the disk was full when it was to be written.
  const token = value ?? (kept === '' ? `hf_${role}_${randomBytes(32).toString('base64url')}` : kept);
  if (token !== kept) writePrivate(file, `${token}\n`);
  return { token, file };
}

function writePrivate(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600 });
  } catch (error) {
    throw new Error(`cannot write ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function rootsOf(scopeFile: string | undefined): readonly string[] {
  if (scopeFile === undefined) return compileScope(defaultScope()).roots;
  try {
    return compileScope(parseScope(readFileSync(scopeFile, 'utf8'))).roots;
  } catch (error) {
    throw new Error(`HOLDFAST_SCOPE_FILE: ${scopeFile}: ${(error as Error).message}`, { cause: error });
  }
}

/** Where to reach what listens on all addresses. */
function reachable(listen: string): string {
  return listen.replace(/^(?:0\.0\.0\.0|\[::\])?:/, '127.0.0.1:');
}

/** Where `npm start` keeps things, and which of its environment each of the two programs gets. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { agentOptions } from '@holdfast/agent/options';
import { collectorOptions } from '@holdfast/collector/config';
import { defaultScope } from '@holdfast/shared/default-scope';
import { environmentName, type OptionTable } from '@holdfast/shared/options';
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

/** Creates what is missing. `checkout` is the project's directory. Throws if a variable is unknown to both programs. */
export function prepare(environment: NodeJS.ProcessEnv, checkout: string): Settings {
  rejectUnknown(environment);
  const given = environment['HOLDFAST_DATA_DIR'];
  const directory = resolve(given ?? join(checkout, '.holdfast'));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const operatorTokenFile = environment['HOLDFAST_OPERATOR_TOKEN_FILE'] ?? join(directory, 'operator.token');
  const operatorToken = environment['HOLDFAST_OPERATOR_TOKEN'] ?? tokenIn(operatorTokenFile, 'operator');
  if (environment['HOLDFAST_OPERATOR_TOKEN'] !== undefined)
    writeFileSync(operatorTokenFile, `${operatorToken}\n`, { mode: 0o600 });
  const agentToken = environment['HOLDFAST_AGENT_TOKEN'] ?? tokenIn(join(directory, 'agent.token'), 'agent');
  const scheme = environment['HOLDFAST_TLS_CERT_FILE'] === undefined ? 'http' : 'https';
  const url = `${scheme}://${reachable(environment['HOLDFAST_LISTEN'] ?? defaultListen)}`;
  const scopeFile = environment['HOLDFAST_SCOPE_FILE'];
  const caFile = environment['HOLDFAST_CA_FILE'] ?? environment['HOLDFAST_TLS_CERT_FILE'];
  return {
    directory,
    operatorTokenFile,
    operatorToken,
    url,
    caFile,
    roots: compileScope(scopeFile === undefined ? defaultScope : parseScope(readFileSync(scopeFile, 'utf8')))
      .roots,
    collectorEnvironment: {
      ...environmentFor(collectorOptions, environment),
      HOLDFAST_DATA_DIR: given === undefined ? join(directory, 'collector') : directory,
      HOLDFAST_OPERATOR_TOKEN: operatorToken,
      HOLDFAST_OPERATOR_TOKEN_FILE: undefined,
      HOLDFAST_AGENT_TOKEN: agentToken,
      HOLDFAST_AGENT_TOKEN_FILE: undefined,
    },
    agentEnvironment: {
      HOLDFAST_STATE_DIR: join(directory, 'agent'),
      HOLDFAST_START_SPLAY_SECONDS: '0',
      ...environmentFor(agentOptions, environment),
      HOLDFAST_COLLECTOR_URL: url,
      HOLDFAST_TOKEN: agentToken,
      HOLDFAST_TOKEN_FILE: undefined,
      HOLDFAST_CA_FILE: caFile,
      HOLDFAST_LISTEN: undefined, // under `npm start` it is the collector's
    },
  };
}

/** A variable that one program knows would be an error to the other. */
function environmentFor(table: OptionTable, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const known = namesOf(table);
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('HOLDFAST_') || known.has(name)),
  );
}

function rejectUnknown(environment: NodeJS.ProcessEnv): void {
  const known = new Set([...namesOf(agentOptions), ...namesOf(collectorOptions)]);
  const unknown = Object.keys(environment).filter((name) => name.startsWith('HOLDFAST_') && !known.has(name));
  if (unknown.length > 0)
    throw new Error(unknown.map((name) => `${name}: is no option of the collector or the agent`).join('\n'));
}

function namesOf(table: OptionTable): Set<string> {
  return new Set(Object.keys(table).map(environmentName));
}

/** The token in `file`, which is made if it is not there. */
function tokenIn(file: string, role: 'operator' | 'agent'): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const token = `hf_${role}_${randomBytes(32).toString('base64url')}`;
  writeFileSync(file, `${token}\n`, { mode: 0o600, flag: 'wx' });
  return token;
}

/** Where to reach what listens on all addresses. */
function reachable(listen: string): string {
  return listen.replace(/^(0\.0\.0\.0|\[::\]):/, '127.0.0.1:');
}

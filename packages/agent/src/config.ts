/** The agent's configuration: flags, environment and file, checked as a whole before anything starts. */
import { readFile } from 'node:fs/promises';
import { isLoopback, type ListenAddress } from '@holdfast/shared/option-parsers';
import { OptionsError, readOptions } from '@holdfast/shared/options';
import { parseDocument } from 'yaml';
import { dailySplay } from '#core/daily-splay';
import type { TokenOptions } from '#io/token-source';
import { type AgentOptionValues, agentOptions, type LogLevel } from './options.ts';

export interface CollectorConfig {
  readonly url: URL;
  readonly token: TokenOptions;
  /** Null: the built-in store. */
  readonly caFile: string | null;
}

/** What every command needs: where to look, and at what. */
export interface LookConfig {
  readonly hostRoot: string;
  /** Null: the built-in scope. */
  readonly scopeFile: string | null;
  readonly maxFileMib: number;
}

export interface AgentConfig extends LookConfig {
  readonly nodeName: string;
  readonly stateDir: string;
  readonly listen: ListenAddress;
  readonly logLevel: LogLevel;
  /** Null where URL or token are not set; never when it was read for `run`. */
  readonly collector: CollectorConfig | null;
  readonly heartbeatSeconds: number;
  readonly metadataScanSeconds: number;
  readonly fullScanCron: string;
  readonly settleMs: number;
  readonly readMibPerSecond: number;
  readonly outboxMib: number;
  /** Globs; none: no content leaves the node. */
  readonly contentPaths: readonly string[];
  readonly startSplaySeconds: number;
  readonly detachedFiles: 'report' | 'exit';
  /** `off`, a path, or null for `aide` on the search path. */
  readonly aideBinary: string | null;
  readonly aideCron: string;
  readonly aideTimeoutSeconds: number;
  /** Where programs are looked for, as in PATH. */
  readonly searchPath: string;
  /** What is allowed but should be known; one sentence each. */
  readonly warnings: readonly string[];
}

export interface ConfigSources {
  /** By option name; `config` names the configuration file. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

/** `run` reports, and needs a collector and a name that it can report as; the other commands only look. */
export type Purpose = 'run' | 'look';

/** Throws {@link OptionsError} with every problem at once. */
export async function readConfig(sources: ConfigSources, purpose: Purpose): Promise<AgentConfig> {
  const { flags, environment, hostname } = sources;
  const file = typeof flags['config'] === 'string' ? await readConfigFile(flags['config']) : null;
  const read = readOptions(agentOptions, { flags, environment, file }, (values, nameOf) => [
    ...tokenProblems(values, nameOf),
    ...(purpose === 'run' ? reportProblems(values, nameOf, hostname) : []),
  ]);
  if ('problems' in read) throw new OptionsError(read.problems);
  return configOf(read.values, hostname, environment['PATH'] ?? '');
}

/** From the full scan to AIDE's run, which reads the same files. */
const minutesToAide = 6 * 60;

function configOf(values: AgentOptionValues, hostname: string, searchPath: string): AgentConfig {
  const { collectorUrl, token, tokenFile, caFile } = values;
  const nodeName = values.nodeName ?? hostname.toLowerCase();
  const tokenOptions: TokenOptions | null = tokenFile ? { file: tokenFile } : token ? { value: token } : null;
  return {
    nodeName,
    hostRoot: values.hostRoot,
    scopeFile: values.scopeFile,
    maxFileMib: values.maxFileMib,
    stateDir: values.stateDir,
    listen: values.listen,
    detachedFiles: values.detachedFiles,
    logLevel: values.logLevel,
    collector: collectorUrl && tokenOptions ? { url: collectorUrl, token: tokenOptions, caFile } : null,
    heartbeatSeconds: values.heartbeatSeconds,
    metadataScanSeconds: values.metadataScanSeconds,
    fullScanCron: values.fullScanCron ?? dailySplay(nodeName),
    settleMs: values.settleMs,
    readMibPerSecond: values.readMibPerSecond,
    outboxMib: values.outboxMib,
    contentPaths: values.contentPaths,
    startSplaySeconds: values.startSplaySeconds,
    aideBinary: values.aideBinary,
    aideCron: values.aideCron ?? dailySplay(nodeName, minutesToAide),
    aideTimeoutSeconds: values.aideTimeoutSeconds,
    searchPath,
    warnings: collectorUrl && isInTheClear(collectorUrl) ? [inTheClear(collectorUrl)] : [],
  };
}

type NameOf = (name: keyof AgentOptionValues) => string;

function tokenProblems({ token, tokenFile }: AgentOptionValues, nameOf: NameOf): string[] {
  if (token === null || tokenFile === null) return [];
  return [`${nameOf('tokenFile')}: must not be set together with ${nameOf('token')}`];
}

function reportProblems(values: AgentOptionValues, nameOf: NameOf, hostname: string): string[] {
  const problems: string[] = [];
  if (values.collectorUrl === null) problems.push(`${nameOf('collectorUrl')}: is needed`);
  if (values.token === null && values.tokenFile === null) {
    problems.push(`${nameOf('tokenFile')}: is needed, or ${nameOf('token')}`);
  }
  const problem = values.nodeName === null ? nodeNameProblem(hostname.toLowerCase()) : null;
  if (problem) {
    problems.push(`${nameOf('nodeName')}: is needed, because the host's name ${problem} (got "${hostname}")`);
  }
  return problems;
}

/** Why a node cannot be called `name`, to complete "NAME …"; null if it can. */
export function nodeNameProblem(name: string): string | null {
  const parsed = agentOptions.nodeName.parse(name);
  return 'problem' in parsed ? parsed.problem : null;
}

function isInTheClear(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return url.protocol === 'http:' && !isLoopback({ host, port: 0 });
}

function inTheClear(url: URL): string {
  return `reports and the token go to ${url.host} unencrypted: use https`;
}

/** A file larger than this is not a configuration. */
const maxConfigFileKib = 256;

async function readConfigFile(name: string): Promise<{ name: string; content: unknown }> {
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    throw new OptionsError([
      `--config: cannot be read: ${(error as NodeJS.ErrnoException).code} (got "${name}")`,
    ]);
  }
  if (text.length > maxConfigFileKib * 1024) {
    throw new OptionsError([`--config: must be at most ${maxConfigFileKib} KiB (got "${name}")`]);
  }
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new OptionsError(document.errors.map((error) => `${name}: ${error.message.split('\n', 1)[0]}`));
  }
  return { name, content: document.toJS({ maxAliasCount: 100 }) };
}

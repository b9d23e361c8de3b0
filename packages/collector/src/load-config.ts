/** Reads the configuration file and the files that options name, and puts the configuration together. */
import { readFileSync } from 'node:fs';
import { OptionsError, type OptionSources, readOptions } from '@holdfast/shared/options';
import { parseDocument } from 'yaml';
import { checkTogether, type CollectorConfig, collectorOptions, configOf, tokenProblem } from './config.ts';
import { readSweepBlock } from './sweep-block.ts';

export interface ConfigSources {
  readonly environment: OptionSources['environment'];
  readonly flags: OptionSources['flags'];
  /** Path of the YAML file; null if there is none. */
  readonly configFile: string | null;
}

const maxTokenFileBytes = 4096;

/** Throws {@link OptionsError} with every problem at once. */
export function loadConfig(sources: ConfigSources): CollectorConfig {
  const problems: string[] = [];
  const yaml = sources.configFile === null ? null : readYaml(sources.configFile, problems);
  const sweep = readSweepBlock(yaml?.content, yaml?.name ?? '');
  problems.push(...sweep.problems);
  const file = yaml && { name: yaml.name, content: sweep.content, called: sweep.called };
  let operator: string | null = null;
  let agent: string | null = null;
  let sweepPushToken: string | null = null;
  const read = readOptions(collectorOptions, { ...sources, file }, (values, nameOf) => {
    const found = [...checkTogether(values, nameOf)];
    const fromFile = (name: 'operatorTokenFile' | 'agentTokenFile' | 'sweepPushTokenFile') => {
      const path = values[name];
      return path === null ? null : readToken(path, nameOf(name), found);
    };
    operator = values.operatorToken ?? fromFile('operatorTokenFile');
    agent = values.agentToken ?? fromFile('agentTokenFile');
    sweepPushToken = values.sweepPushToken ?? fromFile('sweepPushTokenFile');
    if (sweep.lacksSource && values.sweepPath === null && values.sweepGit === null) {
      found.push(
        `sweep in ${yaml?.name}: needs a source, as in "source: {path: /infra}" or "source: {git: URL}"`,
      );
    }
    if (operator !== null && operator === agent) {
      found.push(
        'HOLDFAST_AGENT_TOKEN: must differ from HOLDFAST_OPERATOR_TOKEN (got a value that is not shown)',
      );
    }
    return found;
  });
  if ('problems' in read) problems.push(...read.problems);
  if (problems.length > 0 || 'problems' in read) throw new OptionsError(problems);
  return configOf(read.values, { tokens: { operator, agent }, sweepBlock: sweep.block, sweepPushToken });
}

function readYaml(path: string, problems: string[]): OptionSources['file'] {
  const text = readText(path, `--config`, problems);
  if (text === null) return null;
  const document = parseDocument(text, { uniqueKeys: true });
  problems.push(...document.errors.map((error) => `${path}: ${error.message.split('\n', 1)[0]}`));
  return document.errors.length > 0 ? null : { name: path, content: document.toJS({ maxAliasCount: 100 }) };
}

function readToken(path: string, calledBy: string, problems: string[]): string | null {
  const text = readText(path, calledBy, problems);
  if (text === null) return null;
  const token = text.trim();
  const problem =
    text.length > maxTokenFileBytes ? 'must hold a token and nothing else' : tokenProblem(token);
  if (problem !== null) problems.push(`${calledBy}: ${problem} (got ${JSON.stringify(path)})`);
  return token;
}

function readText(path: string, calledBy: string, problems: string[]): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    problems.push(`${calledBy}: cannot be read: ${code ?? 'unknown reason'} (got ${JSON.stringify(path)})`);
    return null;
  }
}

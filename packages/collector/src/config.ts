/** The collector's options, and the configuration that they amount to. Pure; load-config.ts reads the files. */
import {
  absolutePath,
  httpUrl,
  isLoopback,
  type ListenAddress,
  listenAddress,
  listOf,
  matching,
  oneOf,
  path,
  wholeNumber,
} from '@holdfast/shared/option-parsers';
import { validate } from 'node-cron';
import { type CrossCheck, option, type OptionValues, type Parser } from '@holdfast/shared/options';
import { type NodeLimits, nodeLimitOptions, nodeLimitsOf } from './node-limits.ts';
import { checkLoki, type LokiConfig, lokiConfigOf, lokiOptions } from '#outputs/loki-options';
import type { SweepBlock } from './sweep-block.ts';
import { checkSweep, type SweepConfig, sweepConfigOf } from './sweep-config.ts';
import { sweepOptions } from './sweep-options.ts';
import {
  checkKubernetes,
  type KubernetesConfig,
  kubernetesConfigOf,
  kubernetesOptions,
} from '#kubernetes/options';

/** RFC 6750's characters of a bearer token; short ones could be guessed. */
const token = matching(/[A-Za-z0-9\-._~+/]{16,512}=*/, 'a token of 16 or more letters, digits and -._~+/');

const bytesPerMib = 1024 * 1024;

function cron(): Parser<string> {
  return (given) =>
    validate(given) ? { value: given } : { problem: 'must be a cron expression, as in "30 3 * * *"' };
}

export const collectorOptions = {
  listen: option({
    doc: 'Address to listen on. Any but a loopback address needs a token to exist, or Kubernetes to vouch for nodes.',
    placeholder: 'HOST:PORT',
    parse: listenAddress(),
    default: { host: '127.0.0.1', port: 9477 },
    defaultText: '127.0.0.1:9477',
  }),
  tlsCertFile: option({
    doc: 'Certificate chain (PEM). With it the collector speaks HTTPS. Read again when it changes.',
    placeholder: 'FILE',
    parse: path(),
  }),
  tlsKeyFile: option({
    doc: 'Private key (PEM) of the certificate. Read again when it changes.',
    placeholder: 'FILE',
    parse: path(),
  }),
  dataDir: option({
    doc: 'Directory of the embedded database.',
    placeholder: 'DIRECTORY',
    parse: absolutePath(),
    default: '/var/lib/holdfast',
  }),
  operatorToken: option({
    doc: 'A token with role operator.',
    placeholder: 'TOKEN',
    parse: token,
    secret: true,
  }),
  operatorTokenFile: option({
    doc: 'File that holds the operator token. Read at the start.',
    placeholder: 'FILE',
    parse: path(),
  }),
  agentToken: option({
    doc: 'One token with role agent that all agents share, for small sites.',
    placeholder: 'TOKEN',
    parse: token,
    secret: true,
  }),
  agentTokenFile: option({
    doc: 'File that holds the shared agent token. Read at the start.',
    placeholder: 'FILE',
    parse: path(),
  }),
  ...kubernetesOptions,
  ...nodeLimitOptions,
  initialBaseline: option({
    doc: "Whether a node's first report becomes its baseline (accept, marked as not reviewed) or waits for an operator (pending).",
    placeholder: 'accept|pending',
    parse: oneOf(['accept', 'pending']),
    default: 'accept',
  }),
  expectedScopeDigests: option({
    doc: 'Digests of scopes whose arrival on a node moves its baseline without an operator.',
    placeholder: 'DIGEST,…',
    parse: listOf(matching(/[0-9a-f]{64}/, 'a list of scope digests of 64 hexadecimal digits')),
    default: [],
  }),
  nodeSilentSeconds: option({
    doc: 'A node that has not reported for this long is silent.',
    placeholder: 'SECONDS',
    parse: wholeNumber({ min: 1, max: 30 * 86_400 }),
    default: 300,
  }),
  retentionDays: option({
    doc: 'How long events, ended drift, sweeps and earlier baselines are kept.',
    placeholder: 'DAYS',
    parse: wholeNumber({ min: 1, max: 3650 }),
    default: 90,
  }),
  databaseMib: option({
    doc: 'Above this size of the database, the oldest events, ended drift and earlier baselines go before their time.',
    placeholder: 'MIB',
    parse: wholeNumber({ min: 16, max: 1_048_576 }),
    default: 8192,
  }),
  minFreeMib: option({
    doc: 'With less than this free on the disk, reports that bring something new are put off; 0 for no such limit.',
    placeholder: 'MIB',
    parse: wholeNumber({ min: 0, max: 1_048_576 }),
    default: 128,
  }),
  backupDir: option({
    doc: 'Directory of scheduled backups. None are made where it is not set.',
    placeholder: 'DIRECTORY',
    parse: absolutePath(),
  }),
  backupCron: option({
    doc: 'When to make a backup, as cron in UTC.',
    placeholder: 'CRON',
    parse: cron(),
    default: '30 3 * * *',
  }),
  backupKeep: option({
    doc: 'How many scheduled backups are kept; the oldest go.',
    placeholder: 'COUNT',
    parse: wholeNumber({ min: 1, max: 1000 }),
    default: 7,
  }),
  metricsPathsPerNode: option({
    doc: 'How many standing drifts of one node have a series of their own; the rest is counted.',
    placeholder: 'COUNT',
    parse: wholeNumber({ min: 0, max: 10_000 }),
    default: 200,
  }),
  metricsAuth: option({
    doc: 'Whether /metrics is open to anyone, or needs a token of role viewer.',
    placeholder: 'open|viewer',
    parse: oneOf(['open', 'viewer']),
    default: 'open',
  }),
  pushgatewayUrl: option({
    doc: 'A Pushgateway that gets the series of each node, and those of the stacks after each sweep.',
    placeholder: 'URL',
    parse: httpUrl(),
  }),
  pushgatewayNodes: option({
    doc: 'Whether the Pushgateway gets the series of nodes; off takes away those that it got.',
    placeholder: 'on|off',
    parse: oneOf(['on', 'off']),
    default: 'on',
  }),
  webhookUrl: option({
    doc: 'Where to tell, as JSON that Slack understands too, what is new about nodes and stacks.',
    placeholder: 'URL',
    parse: httpUrl(),
    secret: true,
  }),
  ...lokiOptions,
  ...sweepOptions,
  logLevel: option({
    doc: 'The least urgent lines to log.',
    placeholder: 'LEVEL',
    parse: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    default: 'info',
  }),
} as const;

export type CollectorOptionValues = OptionValues<typeof collectorOptions>;

export interface CollectorConfig {
  readonly listen: ListenAddress;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  readonly dataDir: string;
  /** Secrets: never log this. */
  readonly tokens: { readonly operator: string | null; readonly agent: string | null };
  /** Null where tokens of Kubernetes are not taken. */
  readonly kubernetes: KubernetesConfig | null;
  readonly intake: {
    readonly initialBaseline: 'accept' | 'pending';
    readonly expectedScopes: ReadonlySet<string>;
  };
  readonly nodeLimits: NodeLimits;
  readonly nodeSilentSeconds: number;
  readonly retentionDays: number;
  readonly space: { readonly maxDatabaseBytes: number; readonly minFreeBytes: number };
  readonly backups: { readonly directory: string; readonly cron: string; readonly keep: number } | null;
  readonly metrics: { readonly pathsPerNode: number; readonly auth: 'open' | 'viewer' };
  /** Null: nothing is pushed. */
  readonly pushgatewayUrl: URL | null;
  /** Whether nodes are, too. */
  readonly pushgatewayNodes: boolean;
  /** The URL is a secret: who knows it can write. Null: nobody is told. */
  readonly webhookUrl: URL | null;
  /** Null: Loki is not told. */
  readonly loki: LokiConfig | null;
  /** Null where no source of stacks is configured. */
  readonly sweep: SweepConfig | null;
  /** For a sweep that runs apart. */
  readonly sweepPush: { readonly token: string | null; readonly caFile: string | null };
  readonly logLevel: string;
}

/** What files hold that options name. */
export interface ReadFiles {
  readonly tokens: CollectorConfig['tokens'];
  readonly sweepBlock: SweepBlock;
  readonly sweepPushToken: string | null;
}

/** What is wrong between options that are each well formed. */
export const checkTogether: CrossCheck<typeof collectorOptions> = (values, nameOf) => {
  const problems: string[] = [];
  if (values.operatorToken !== null && values.operatorTokenFile !== null)
    problems.push(`${nameOf('operatorTokenFile')}: cannot be set beside ${nameOf('operatorToken')}`);
  if (values.agentToken !== null && values.agentTokenFile !== null)
    problems.push(`${nameOf('agentTokenFile')}: cannot be set beside ${nameOf('agentToken')}`);
  if ((values.tlsCertFile === null) !== (values.tlsKeyFile === null))
    problems.push(
      `${nameOf('tlsCertFile')}: needs ${nameOf('tlsKeyFile')} beside it, and the other way round`,
    );
  return [
    ...problems,
    ...checkKubernetes(values, nameOf),
    ...checkLoki(values, nameOf),
    ...checkSweep(values, nameOf),
  ];
};

/** What is wrong with a token that came from a file; null if nothing is. */
export function tokenProblem(text: string): string | null {
  const parsed = token(text);
  return 'problem' in parsed ? `must hold ${parsed.problem.slice('must be '.length)}` : null;
}

export function configOf(values: CollectorOptionValues, files: ReadFiles): CollectorConfig {
  const { tlsCertFile, tlsKeyFile } = values;
  return {
    listen: values.listen,
    tls: tlsCertFile && tlsKeyFile ? { certFile: tlsCertFile, keyFile: tlsKeyFile } : null,
    dataDir: values.dataDir,
    tokens: files.tokens,
    kubernetes: kubernetesConfigOf(values),
    intake: {
      initialBaseline: values.initialBaseline,
      expectedScopes: new Set(values.expectedScopeDigests),
    },
    nodeLimits: nodeLimitsOf(values),
    nodeSilentSeconds: values.nodeSilentSeconds,
    retentionDays: values.retentionDays,
    space: {
      maxDatabaseBytes: values.databaseMib * bytesPerMib,
      minFreeBytes: values.minFreeMib * bytesPerMib,
    },
    backups:
      values.backupDir === null
        ? null
        : { directory: values.backupDir, cron: values.backupCron, keep: values.backupKeep },
    metrics: { pathsPerNode: values.metricsPathsPerNode, auth: values.metricsAuth },
    pushgatewayUrl: values.pushgatewayUrl,
    pushgatewayNodes: values.pushgatewayNodes === 'on',
    webhookUrl: values.webhookUrl,
    loki: lokiConfigOf(values),
    sweep: sweepConfigOf(values, files.sweepBlock),
    sweepPush: { token: files.sweepPushToken, caFile: values.sweepPushCaFile },
    logLevel: values.logLevel,
  };
}

/** Why the collector must not listen where it is told to; null if it may. */
export function listenProblem(config: CollectorConfig, hasStoredTokens: boolean): string | null {
  const { operator, agent } = config.tokens;
  const canAuthenticate =
    hasStoredTokens || operator !== null || agent !== null || config.kubernetes !== null;
  if (isLoopback(config.listen) || canAuthenticate) return null;
  return (
    `HOLDFAST_LISTEN: others can reach this address, and no token exists yet ` +
    `(got "${config.listen.host}:${config.listen.port}"); set HOLDFAST_OPERATOR_TOKEN or HOLDFAST_KUBERNETES_AUTH, or run: holdfast-collector token create`
  );
}

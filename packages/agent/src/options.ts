/** Every option of the agent. docs/configuration-agent.md says more of each; a test holds the two to each other. */
import {
  absolutePath,
  httpUrl,
  listenAddress,
  listOf,
  matching,
  oneOf,
  path,
  text,
  wholeNumber,
} from '@holdfast/shared/option-parsers';
import { type OptionValues, option, type Parser } from '@holdfast/shared/options';
import { defaultContentPaths } from '@holdfast/shared/content';
import { globProblem } from '@holdfast/shared/glob';
import { nodeNamePattern } from '@holdfast/shared/wire';
import { validate } from 'node-cron';
import { defaultMaxFileMib } from './observe/options.ts';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const maxNodeNameLength = 253;

function nodeName(): Parser<string> {
  const label = matching(
    new RegExp(nodeNamePattern),
    'a DNS name: lower-case letters, digits and "-", in parts of at most 63 with "." between',
  );
  return (given) =>
    given.length > maxNodeNameLength
      ? { problem: `must have at most ${maxNodeNameLength} characters` }
      : label(given);
}

function cron(): Parser<string> {
  return (given) =>
    validate(given) ? { value: given } : { problem: 'must be a cron expression, as in "15 3 * * *"' };
}

function contentPaths(): Parser<readonly string[]> {
  const globs = listOf((glob) => {
    const problem = globProblem(glob);
    return problem === null
      ? { value: glob }
      : { problem: `must be off, or globs between commas: ${glob} ${problem}` };
  });
  return (given) => (given === 'off' ? { value: [] } : globs(given));
}

const seconds = (min: number) => wholeNumber({ min, max: 86_400 });
const mebibytes = (min: number) => wholeNumber({ min, max: 1024 * 1024 });

export const agentOptions = {
  collectorUrl: option({
    doc: 'where the collector listens; run needs it',
    placeholder: 'URL',
    parse: httpUrl(),
  }),
  token: option({
    doc: 'the bearer token to report with; run needs it or a token file',
    placeholder: 'TOKEN',
    parse: text(),
    secret: true,
  }),
  tokenFile: option({
    doc: 'a file that holds the token; read again when it changes',
    placeholder: 'FILE',
    parse: path(),
  }),
  caFile: option({
    doc: 'PEM certificates to trust the collector by, in the place of the built-in ones',
    placeholder: 'FILE',
    parse: path(),
    defaultText: 'the built-in store',
  }),
  nodeName: option({
    doc: 'the name to report as',
    placeholder: 'NAME',
    parse: nodeName(),
    defaultText: "the host's name in lower case",
  }),
  hostRoot: option({
    doc: "where the host's root directory is seen; /host in the DaemonSet",
    placeholder: 'DIR',
    parse: absolutePath(),
    default: '/',
  }),
  scopeFile: option({
    doc: 'which paths are watched, and which attributes of each count',
    placeholder: 'FILE',
    parse: path(),
    defaultText: 'the scope that is built in',
  }),
  stateDir: option({
    doc: "the agent's own directory, the only one that it writes to",
    placeholder: 'DIR',
    parse: absolutePath(),
    default: '/var/lib/holdfast-agent',
  }),
  listen: option({
    doc: 'where /healthz, /readyz and /metrics of the agent are served',
    placeholder: 'HOST:PORT',
    parse: listenAddress(),
    default: { host: '127.0.0.1', port: 9478 },
    defaultText: '127.0.0.1:9478',
  }),
  heartbeatSeconds: option({
    doc: 'how often to report when nothing happens',
    placeholder: 'SECONDS',
    parse: seconds(1),
    default: 60,
  }),
  metadataScanSeconds: option({
    doc: 'how often to sweep the metadata of everything in scope',
    placeholder: 'SECONDS',
    parse: seconds(1),
    default: 60,
  }),
  fullScanCron: option({
    doc: 'when to read and hash everything, in UTC',
    placeholder: 'CRON',
    parse: cron(),
    defaultText: 'daily, at a minute that follows from the node name',
  }),
  aideCron: option({
    doc: 'when to run AIDE, in UTC',
    placeholder: 'CRON',
    parse: cron(),
    defaultText: 'daily, at a minute that follows from the node name',
  }),
  aideBinary: option({
    doc: 'the AIDE program, or off',
    placeholder: 'FILE',
    parse: path(),
    defaultText: 'aide, if it is found',
  }),
  aideTimeoutSeconds: option({
    doc: 'how long a run of AIDE may take; it is ended then',
    placeholder: 'SECONDS',
    parse: seconds(1),
    default: 7200,
  }),
  settleMs: option({
    doc: 'quiet time after a watch event before its path is looked at, in milliseconds',
    placeholder: 'MS',
    parse: wholeNumber({ min: 0, max: 60_000 }),
    default: 250,
  }),
  readMibPerSecond: option({
    doc: 'read limit of scheduled scans, over all cores together; 0 is no limit',
    placeholder: 'MIB',
    parse: mebibytes(0),
    default: 64,
  }),
  maxFileMib: option({
    doc: 'larger files are not read, and shown as unknown',
    placeholder: 'MIB',
    parse: mebibytes(1),
    default: defaultMaxFileMib,
  }),
  outboxMib: option({
    doc: 'how much disk the events may take that wait for the collector; the oldest go first',
    placeholder: 'MIB',
    parse: wholeNumber({ min: 1, max: 10_240 }),
    default: 20,
  }),
  contentPaths: option({
    doc: 'globs of small text files whose scrubbed content is shown with their drift; off shows none',
    placeholder: 'GLOB,…',
    parse: contentPaths(),
    default: defaultContentPaths,
    defaultText: 'configuration of sshd, systemd, containerd, kubelet and sysctl',
  }),
  startSplaySeconds: option({
    doc: 'spread the first full scan of a fleet over this time; 0 is at once and at full speed',
    placeholder: 'SECONDS',
    parse: seconds(0),
    default: 30,
  }),
  detachedFiles: option({
    doc: 'exit: end when the host replaces a file that is mounted by itself, so that whoever starts the agent mounts the new one',
    placeholder: 'report|exit',
    parse: oneOf(['report', 'exit']),
    default: 'report',
  }),
  logLevel: option({
    doc: `how much to log: ${logLevels.join(', ')}`,
    placeholder: 'LEVEL',
    parse: oneOf(logLevels),
    default: 'info',
  }),
} as const;

export type AgentOptionValues = OptionValues<typeof agentOptions>;

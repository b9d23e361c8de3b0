/** The sweep's options that are single values or lists of words. What is structured stands in the file only: sweep-block.ts. */
import { absolutePath, httpUrl, matching, path, text, wholeNumber } from '@holdfast/shared/option-parsers';
import { option, type OptionTable, type OptionValues, type Parser } from '@holdfast/shared/options';
import { validate as isCron } from 'node-cron';
import { commandProblem } from '#sweep/core/stack-command';

export const serviceAccountTokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export const sweepOptions = {
  sweepPath: option({
    doc: 'Directory that holds the stacks. This or a git URL switches the sweep on.',
    placeholder: 'DIRECTORY',
    parse: absolutePath(),
  }),
  sweepGit: option({
    doc: 'Repository that holds the stacks, cloned shallow into the data directory and refreshed before each sweep.',
    placeholder: 'URL',
    parse: gitUrl(),
  }),
  sweepRef: option({
    doc: 'Branch or tag of the repository.',
    placeholder: 'REF',
    parse: matching(/[A-Za-z0-9_][\w./+@-]{0,199}/, 'the name of a branch or a tag'),
    default: 'main',
  }),
  sweepCredentialsFile: option({
    doc: 'For https: a file with the token, or with user and password on two lines. For ssh: the private key.',
    placeholder: 'FILE',
    parse: absolutePath(),
  }),
  sweepKnownHostsFile: option({
    doc: 'For ssh: the known_hosts file that must name the host.',
    placeholder: 'FILE',
    parse: absolutePath(),
  }),
  sweepStacks: option({
    doc: 'Globs of the directories that are stacks, from the root of the source.',
    placeholder: 'GLOB …',
    parse: words(),
    default: ['stacks/*'],
    defaultText: 'stacks/*',
  }),
  sweepMarker: option({
    doc: 'A stack is a directory that holds one of these files.',
    placeholder: 'NAME …',
    parse: words(),
    default: ['terragrunt.hcl', 'terragrunt.hcl.json'],
    defaultText: 'terragrunt.hcl terragrunt.hcl.json',
  }),
  sweepScaffolds: option({
    doc: 'Directories of these names are scaffolds: excluded, with all below.',
    placeholder: 'NAME …',
    parse: words(),
    default: ['_template'],
    defaultText: '_template',
  }),
  sweepCommand: option({
    doc: 'The command that plans a stack, run in its directory; it holds the word plan.',
    placeholder: 'COMMAND',
    parse: command(),
    default: ['terragrunt', 'plan'],
    defaultText: 'terragrunt plan',
  }),
  sweepSchedule: option({
    doc: 'When to sweep, as cron has it; off: only when asked.',
    placeholder: 'CRON',
    parse: schedule(),
    default: '0 6 * * *',
  }),
  sweepTimezone: option({
    doc: 'The time zone of the schedule.',
    placeholder: 'ZONE',
    parse: timezone(),
    default: 'UTC',
  }),
  sweepJitterSeconds: option({
    doc: 'A scheduled sweep begins up to so much later, at random.',
    placeholder: 'SECONDS',
    parse: wholeNumber({ min: 0, max: 3600 }),
    default: 60,
  }),
  sweepConcurrency: option({
    doc: 'How many stacks are planned at the same time.',
    placeholder: 'COUNT',
    parse: wholeNumber({ min: 1, max: 64 }),
    default: 4,
  }),
  sweepStackTimeoutSeconds: option({
    doc: 'How long planning one stack may take.',
    placeholder: 'SECONDS',
    parse: wholeNumber({ min: 1, max: 86_400 }),
    default: 600,
  }),
  sweepDeadlineSeconds: option({
    doc: 'How long a sweep may take; what is not planned by then is unmeasured.',
    placeholder: 'SECONDS',
    parse: wholeNumber({ min: 1, max: 86_400 }),
    default: 3600,
  }),
  sweepPrepareTimeoutSeconds: option({
    doc: 'How long each prepare command may take.',
    placeholder: 'SECONDS',
    parse: wholeNumber({ min: 1, max: 86_400 }),
    default: 600,
  }),
  sweepEnvironment: option({
    doc: "Names, or globs of names, of the collector's variables that children see.",
    placeholder: 'NAME …',
    parse: words(),
    default: ['PATH', 'HOME', 'TF_*'],
    defaultText: 'PATH HOME TF_*',
  }),
  sweepUser: option({
    doc: 'Children run as this user and group, by number; needs root.',
    placeholder: 'UID:GID',
    parse: userAndGroup(),
  }),
  sweepVaultAddress: option({
    doc: 'Vault, where children need a token of it.',
    placeholder: 'URL',
    parse: httpUrl(),
  }),
  sweepVaultRole: option({
    doc: "The role of Vault's Kubernetes auth method.",
    placeholder: 'ROLE',
    parse: matching(/[\w.-]{1,200}/, 'the name of a role'),
    default: 'terraform-plan-runner',
  }),
  sweepVaultMount: option({
    doc: 'Where that auth method is mounted.',
    placeholder: 'PATH',
    parse: matching(/[\w.-]+(\/[\w.-]+)*/, 'a path without slash at either end'),
    default: 'kubernetes',
  }),
  sweepVaultTokenFile: option({
    doc: 'The service-account token; read again at each login.',
    placeholder: 'FILE',
    parse: absolutePath(),
    default: serviceAccountTokenFile,
  }),
  sweepVaultAudience: option({
    doc: 'What the service-account token must be meant for; a token for another audience is not sent.',
    placeholder: 'AUDIENCE',
    parse: text(),
  }),
  sweepVaultNamespace: option({
    doc: "Vault's namespace (Enterprise).",
    placeholder: 'NAMESPACE',
    parse: matching(/[\w.-]+(\/[\w.-]+)*\/?/, 'the path of a namespace'),
  }),
  sweepVaultCaFile: option({
    doc: "Certificates (PEM) to trust for Vault, in the place of the system's.",
    placeholder: 'FILE',
    parse: absolutePath(),
  }),
  sweepPushToken: option({
    doc: 'A token with role sweeper, for sweep --push-to.',
    placeholder: 'TOKEN',
    parse: matching(/[A-Za-z0-9\-._~+/]{16,512}=*/, 'a token of 16 or more letters, digits and -._~+/'),
    secret: true,
  }),
  sweepPushTokenFile: option({
    doc: 'File that holds that token.',
    placeholder: 'FILE',
    parse: path(),
  }),
  sweepPushCaFile: option({
    doc: "Certificates (PEM) to trust for the collector that --push-to names, in the place of the system's.",
    placeholder: 'FILE',
    parse: path(),
  }),
} as const satisfies OptionTable;

export type SweepOptionValues = OptionValues<typeof sweepOptions>;

/** Words between blanks; or, where a word has blanks itself, a JSON list. */
function words(): Parser<readonly string[]> {
  const problem = 'must be words between blanks, or a JSON list of texts';
  return (given) => {
    if (!given.trimStart().startsWith('[')) {
      const parts = given.split(/\s+/).filter((part) => part !== '');
      return parts.length > 0 ? { value: parts } : { problem };
    }
    try {
      const list: unknown = JSON.parse(given);
      const isList =
        Array.isArray(list) &&
        list.length > 0 &&
        list.every((part) => typeof part === 'string' && part !== '');
      return isList ? { value: list as string[] } : { problem };
    } catch {
      return { problem };
    }
  };
}

function command(): Parser<readonly string[]> {
  const parse = words();
  return (given) => {
    const parsed = parse(given);
    if ('problem' in parsed) return parsed;
    const problem = commandProblem(parsed.value);
    return problem === null ? parsed : { problem };
  };
}

function schedule(): Parser<string> {
  return (given) =>
    given === 'off' || (isCron(given) && given.trim().split(/\s+/).length === 5)
      ? { value: given }
      : { problem: 'must be a cron expression of five fields, as in "0 6 * * *", or off' };
}

function timezone(): Parser<string> {
  return (given) => {
    try {
      Intl.DateTimeFormat('en', { timeZone: given }).format(0);
      return { value: given };
    } catch {
      return { problem: 'must be a time zone, as in Europe/Berlin' };
    }
  };
}

/** No scheme that runs a program (`ext::`), no option in disguise, and no password: it would be seen in argv. */
function gitUrl(): Parser<string> {
  return (given) => {
    if (/^[\w.-]+@[\w.-]+:(?!\/\/)[^\s-]\S*$/.test(given)) return { value: given };
    if (!/^(https?|ssh|file):\/\//.test(given) || !URL.canParse(given)) {
      return { problem: 'must be a git URL, as in https://host/group/infra.git or git@host:group/infra.git' };
    }
    const url = new URL(given);
    if (url.password !== '') return { problem: 'must not hold a password: put it into sweepCredentialsFile' };
    return { value: given };
  };
}

function userAndGroup(): Parser<{ readonly uid: number; readonly gid: number }> {
  return (given) => {
    const match = /^(\d{1,9}):(\d{1,9})$/.exec(given);
    return match && Number(match[1]) > 0
      ? { value: { uid: Number(match[1]), gid: Number(match[2]) } }
      : { problem: 'must be UID:GID, both numbers, and not root' };
  };
}

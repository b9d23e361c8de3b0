/**
 * Where the stacks come from: a directory as it is, or a git repository that is fetched shallow before each sweep. A
 * fetch that fails fails the sweep: planning an older state would tell of changes that were made on purpose.
 */
import { chown, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SweepSource } from '../../sweep-config.ts';
import { SweepFailure } from '../sweep-failure.ts';
import { writeAskpass } from './askpass.ts';
import { type ProgramOutcome, runProgram } from './run-program.ts';

const gitTimeoutMs = 300_000;
/** What a warm init cache consists of: kept over checkouts, whether git ignores it or not. */
const kept = ['.terraform', '.terragrunt-cache'];
const gitLocks = ['index.lock', 'shallow.lock', 'HEAD.lock', 'config.lock'];
/** What git may see of our environment. */
const gitEnvironment =
  /^(?:PATH|HOME|LANG|SSH_AUTH_SOCK|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR)|GIT_SSL_CAINFO)$/i;

export interface Checkout {
  /** Absolute path. */
  readonly root: string;
  /** What is planned against; null if the directory is no git repository. */
  readonly commit: string | null;
  /** The directory differs from its commit. */
  readonly isDirty: boolean;
}

export interface CheckoutParts {
  /** A directory of ours; the repository is kept below it. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
  readonly signal: AbortSignal;
}

/** Brings the source up to date. Throws {@link SweepFailure}, phase checkout. */
export async function checkOut(source: SweepSource, parts: CheckoutParts): Promise<Checkout> {
  const git = gitIn(parts);
  if (source.kind === 'directory') return look(source.path, git);
  const root = join(parts.directory, 'checkout');
  await mkdir(root, { recursive: true, mode: 0o700 });
  if (parts.runAs) await chown(root, parts.runAs.uid, parts.runAs.gid);
  // Left by a git that was killed. No other one works here: there is one sweep at a time.
  for (const lock of gitLocks) await rm(join(root, '.git', lock), { force: true });
  const access = await accessOf(source, parts.directory);
  const fetch = ['fetch', '--depth=1', '--no-tags', '--force', '--', source.url, source.ref];
  for (const [args, extra] of [
    [['init', '--quiet', '--initial-branch=holdfast'], {}],
    [fetch, access],
    [['checkout', '--quiet', '--force', '--detach', 'FETCH_HEAD'], {}],
    [['clean', '--quiet', '-ffd', ...kept.flatMap((name) => ['-e', name])], {}],
  ] as const) {
    const outcome = await git(root, args, extra);
    if (outcome.kind === 'ended' && outcome.exitCode === 0) continue;
    throw new SweepFailure(
      'checkout',
      `git ${args[0]}: ${reasonOf(outcome, access['HOLDFAST_GIT_PASSWORD'])}`,
    );
  }
  return look(root, git);
}

/** Whether the ref can be fetched, without fetching it. Throws {@link SweepFailure} like {@link checkOut}. */
export async function askRemote(source: GitSource, parts: CheckoutParts): Promise<void> {
  const access = await accessOf(source, parts.directory);
  const outcome = await gitIn(parts)('/', ['ls-remote', '--', source.url], access);
  if (outcome.kind !== 'ended' || outcome.exitCode !== 0) {
    throw new SweepFailure('checkout', `git: ${reasonOf(outcome, access['HOLDFAST_GIT_PASSWORD'])}`);
  }
  // A commit by its digest need not be named by any ref.
  if (/^[0-9a-f]{40,64}$/.test(source.ref)) return;
  const { ref } = source;
  const names = [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`];
  const has = outcome.stdout.split('\n').some((line) => names.includes(line.split('\t')[1] ?? ''));
  if (!has) throw new SweepFailure('checkout', `the repository has no ref ${ref}`);
}

type Git = (
  cwd: string,
  args: readonly string[],
  extra?: Readonly<Record<string, string>>,
) => Promise<ProgramOutcome>;

function gitIn({ environment, runAs, signal }: CheckoutParts): Git {
  const base = Object.entries(environment).filter(
    (each): each is [string, string] => each[1] !== undefined && gitEnvironment.test(each[0]),
  );
  const options = [
    ['core.hooksPath', '/dev/null'],
    ['credential.helper', ''],
    ['protocol.ext.allow', 'never'],
    ['safe.directory', '*'],
    // What a fetch a day leaves behind is tidied up by the fetch itself, and by nothing that outlives it.
    ['gc.autoDetach', 'false'],
    ['maintenance.autoDetach', 'false'],
    ['fetch.recurseSubmodules', 'false'],
    ['submodule.recurse', 'false'],
  ].flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return (cwd, args, extra = {}) =>
    runProgram({
      argv: ['git', ...options, ...args],
      cwd,
      environment: { ...Object.fromEntries(base), LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', ...extra },
      timeoutMs: gitTimeoutMs,
      signal,
      runAs,
    });
}

/** What is there to be planned. A directory that is no repository is planned too, without a commit to show. */
async function look(root: string, git: Git): Promise<Checkout> {
  const isDirectory = await stat(root).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw new SweepFailure('checkout', `${root} is not there, or is no directory`);
  const head = await git(root, ['rev-parse', '--verify', '--quiet', 'HEAD']);
  const commit = head.kind === 'ended' ? (/^[0-9a-f]{40,64}$/m.exec(head.stdout)?.[0] ?? null) : null;
  if (commit === null) return { root, commit, isDirty: false };
  const status = await git(root, [
    '--no-optional-locks',
    'status',
    '--porcelain',
    '--untracked-files=no',
    '--',
    '.',
  ]);
  return { root, commit, isDirty: status.kind === 'ended' && status.stdout.trim() !== '' };
}

type GitSource = Extract<SweepSource, { readonly kind: 'git' }>;

async function accessOf(source: GitSource, directory: string): Promise<Readonly<Record<string, string>>> {
  const { credentialsFile, knownHostsFile } = source;
  if (!/^https?:/.test(source.url)) {
    const options = [
      ...(credentialsFile === null ? [] : ['-i', credentialsFile, '-o', 'IdentitiesOnly=yes']),
      ...(knownHostsFile === null ? [] : ['-o', `UserKnownHostsFile=${knownHostsFile}`]),
    ];
    const words = ['ssh', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', ...options];
    return { GIT_SSH_COMMAND: words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ') };
  }
  if (credentialsFile === null) return {};
  let lines: string[];
  try {
    lines = (await readFile(credentialsFile, 'utf8')).split('\n').map((line) => line.trim());
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    throw new SweepFailure('checkout', `the credentials file ${credentialsFile} cannot be read: ${code}`);
  }
  const [first = '', second] = lines.filter((line) => line !== '');
  if (first === '') throw new SweepFailure('checkout', `the credentials file ${credentialsFile} is empty`);
  const user = second === undefined ? new URL(source.url).username || 'git' : first;
  return {
    GIT_ASKPASS: await writeAskpass(directory),
    HOLDFAST_GIT_USER: user,
    HOLDFAST_GIT_PASSWORD: second ?? first,
  };
}

const maxReasonCharacters = 500;

/** The last of what git said. It names URL and host; a password is never in what we give it to say. */
function reasonOf(outcome: ProgramOutcome, password: string | undefined): string {
  if (outcome.kind === 'not-started') return `could not be started: ${outcome.reason}; is git installed?`;
  if (outcome.why === 'timeout') return `took longer than ${gitTimeoutMs / 1000} s`;
  if (outcome.why === 'stopped') return 'was stopped';
  const said = outcome.stderr.replaceAll(/\s+/g, ' ').trim().slice(-maxReasonCharacters);
  return password === undefined ? said : said.replaceAll(password, '(not shown)');
}

/**
 * Scheduled backups: each is made by `holdfast-collector backup` in a process of its own, so that reading the whole database
 * holds up no answer; then the oldest go.
 */
import { spawn } from 'node:child_process';
import { access, constants as modes, readdir, rm } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { backupName, backupsToDrop, newestBackupAt } from '#core/backup-names';
import type { Millis } from '#core/node-state';
import type { StorageMetrics } from '#outputs/storage-metrics';
import { makeDirectory } from '#store/make-directory';
import type { CollectorConfig } from './config.ts';
import { startCron } from './cron.ts';

/** A backup that takes longer hangs: 100 GiB at 32 MiB/s take less. */
const maxBackupMs = 3_600_000;
const maxErrorText = 2000;

export interface BackupParts {
  readonly log: Logger;
  readonly clock: () => Millis;
  readonly metrics: StorageMetrics;
  /** What runs `holdfast-collector`: a program, and the arguments that come before the command. */
  readonly self: readonly [string, ...string[]];
}

type Config = Pick<CollectorConfig, 'dataDir' | 'backups' | 'space'>;

/** Stops when disposed of, together with a backup that is being made. Makes none where no directory is configured. */
export async function keepBackups(config: Config, parts: BackupParts): Promise<AsyncDisposable> {
  const { backups } = config;
  if (backups === null) return { async [Symbol.asyncDispose]() {} };
  const { directory, cron } = backups;
  makeDirectory(directory);
  // Told now and not only at night: a sandbox may hold for the collector what its doctor, run by hand, does not meet.
  await access(directory, modes.W_OK | modes.X_OK).catch((error: unknown) => {
    parts.metrics.backupFailed();
    parts.log.error({ err: error, directory }, 'no backup can be written');
  });
  parts.metrics.backupMade(newestBackupAt(await readdir(directory)) ?? 0);
  const stopping = new AbortController();
  let running: Promise<void> | null = null;
  const run = () => {
    running ??= backUp(config, directory, backups.keep, parts, stopping.signal).finally(() => {
      running = null;
    });
  };
  const schedule = startCron({ expression: cron, timezone: 'UTC', run });
  return {
    async [Symbol.asyncDispose]() {
      schedule[Symbol.dispose]();
      stopping.abort();
      await running;
    },
  };
}

async function backUp(
  { dataDir, space }: Config,
  directory: string,
  keep: number,
  { log, clock, metrics, self }: BackupParts,
  signal: AbortSignal,
): Promise<void> {
  const at = clock();
  const file = join(directory, backupName(at));
  const [program, ...first] = self;
  const minFreeMib = String(space.minFreeBytes / 1024 / 1024);
  const args = [...first, 'backup', file, '--data-dir', dataDir, '--min-free-mib', minFreeMib];
  try {
    await runToEnd(program, args, signal);
    metrics.backupMade(at);
    const dropped = backupsToDrop(await readdir(directory), keep);
    for (const name of dropped) await rm(join(directory, name), { force: true });
    log.info({ file, dropped }, 'made a backup');
  } catch (error) {
    if (signal.aborted) return;
    metrics.backupFailed();
    log.error({ err: error, file }, 'the scheduled backup failed; the earlier ones are kept');
  }
}

/** Throws with what the program said if it does not end well. */
async function runToEnd(program: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Nothing of this process's environment: its tokens are none of the backup's business.
  const child = spawn(program, args, {
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
    timeout: maxBackupMs,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < maxErrorText) said += chunk.toString();
  });
  child.on('error', reject);
  child.on('close', (code, killedBy) => {
    if (code === 0) resolve();
    else reject(new Error(said.trim() || `ended with ${killedBy ?? `exit ${code}`}`));
  });
  lowerPriority(child.pid);
  await promise;
}

function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended, or the sandbox forbids it: it then runs as the collector does.
  }
}

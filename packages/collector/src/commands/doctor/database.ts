import { constants } from 'node:fs';
import { access, mkdtemp, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { userInfo } from 'node:os';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';
import { inspectDatabase } from '#store/inspect-database';
import { databaseName, openSqliteStore } from '#store/sqlite-store';
import type { Store } from '#store/store';
import { type CollectorConfig, listenProblem } from '../../config.ts';
import { checkAide } from './aide.ts';

const mib = 1024 * 1024;
const directoryName = 'data directory';

/** The data directory, the database in it, and whether somebody could use it. */
export async function checkDatabase(config: CollectorConfig): Promise<DoctorFinding[]> {
  const { dataDir } = config;
  const directory = await checkDirectory(dataDir, config.space.minFreeBytes);
  if (directory.level === 'FAIL') return [directory];
  const file = join(dataDir, databaseName);
  if (!(await exists(file))) {
    return [directory, ok('database', `${file} will be made by serve`), checkTokens(config, false, false)];
  }
  try {
    const { nodes, bytes } = inspectDatabase(file);
    await using store = await openSqliteStore({ dataDir, exclusive: false });
    const live = (await store.tokens()).filter(({ revokedAt }) => revokedAt === null);
    const hasOperator = live.some(({ role }) => role === 'operator');
    return [
      directory,
      ok('database', `${file} is whole: ${nodes} nodes, ${(bytes / mib).toFixed(1)} MiB`),
      await checkAudit(store),
      checkTokens(config, live.length > 0, hasOperator),
      ...checkAide(await store.nodes()),
    ];
  } catch (error) {
    return [directory, fail('database', (error as Error).message, 'see docs/backup.md')];
  }
}

async function checkDirectory(path: string, minFreeBytes: number): Promise<DoctorFinding> {
  const existing = await nearestExisting(path);
  const { uid } = await stat(existing);
  if (existing === path && uid !== userInfo().uid) {
    const what = `${path} belongs to user id ${uid}, not ${userInfo().uid}`;
    return fail(directoryName, what, `run this as the user that the collector runs as (sudo -u '#${uid}' …)`);
  }
  try {
    if (existing === path) await rmdir(await mkdtemp(join(path, '.doctor-')));
    else await access(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    const what = `${path} cannot be written to (${(error as NodeJS.ErrnoException).code})`;
    return fail(
      directoryName,
      what,
      'make it, for the user that the collector runs as, or set HOLDFAST_DATA_DIR',
    );
  }
  const { bavail, bsize } = await statfs(existing);
  const free = bavail * bsize;
  const what = `${path} has ${Math.floor(free / mib)} MiB free`;
  if (free < minFreeBytes)
    return fail(
      directoryName,
      `${what}: reports are put off`,
      'make room, or set HOLDFAST_MIN_FREE_MIB lower',
    );
  return ok(directoryName, what);
}

async function checkAudit(store: Store): Promise<DoctorFinding> {
  const verdict = await store.verifyAudit(null);
  if (verdict.problem === null) return ok('audit', `${verdict.head.id} records, and the chain holds`);
  return fail(
    'audit',
    verdict.problem,
    'find out who wrote to the database; docs/security.md says how to go on',
  );
}

function checkTokens(config: CollectorConfig, hasAny: boolean, hasOperator: boolean): DoctorFinding {
  const problem = listenProblem(config, hasAny);
  const cure =
    'holdfast-collector token create --role operator --name NAME; nothing to do where the unit passes one';
  if (problem !== null) return fail('tokens', problem, cure);
  if (hasOperator || config.tokens.operator !== null) return ok('tokens', 'there is one for an operator');
  return warn('tokens', 'none for an operator, so nobody can accept anything', cure);
}

async function nearestExisting(path: string): Promise<string> {
  for (let up = path; up !== '/'; up = dirname(up)) if (await exists(up)) return up;
  return '/';
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Commands that work on the data directory of a collector that may be running. */
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { loadConfig } from '../load-config.ts';
import type { CollectorConfig } from '../config.ts';
import type { CommandContext } from './program.ts';

/** The configuration for a command that has only flags of `names`, after a look at who owns the data directory. */
export async function configFor(
  { environment }: CommandContext,
  flags: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Promise<CollectorConfig> {
  const given = Object.entries(flags).filter(
    (flag): flag is [string, string] => names.includes(flag[0]) && typeof flag[1] === 'string',
  );
  const configFile = typeof flags['config'] === 'string' ? flags['config'] : null;
  const config = loadConfig({ environment, flags: Object.fromEntries(given), configFile });
  await refuseOtherUser(config.dataDir);
  return config;
}

/** Files that root leaves in the directory of a collector that runs as another user would lock that one out. */
async function refuseOtherUser(dataDir: string): Promise<void> {
  const { uid } = await stat(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return { uid: null };
    throw new Error(
      `${dataDir} cannot be looked at (${error.code}): run this as the user that the collector runs as, or name another directory with --data-dir`,
    );
  });
  const own = userInfo().uid;
  if (uid !== null && uid !== own) {
    throw new Error(
      `${dataDir} belongs to user id ${uid}, not ${own}: run this as that user (sudo -u '#${uid}' …)`,
    );
  }
}

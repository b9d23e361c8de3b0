import { resolve } from 'node:path';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { commandLine } from '#core/auth';
import { restoreDatabase } from '#store/restore-database';
import { collectorOptions } from '../config.ts';
import { configFor } from './data-directory.ts';
import { addOptionFlags } from './option-flags.ts';
import type { CommandContext } from './program.ts';

export function restoreCommand(context: CommandContext): Command {
  const command = new Command('restore')
    .description(
      'Put a backup in the place of the database. The collector must be stopped; what it had is set aside, not removed.',
    )
    .argument('<FILE>', 'the backup');
  return addOptionFlags(command, { dataDir: collectorOptions.dataDir }).action(
    async (file: string, flags: object) => {
      const { dataDir } = await configFor(context, { ...flags }, ['dataDir']);
      const now = Date.now();
      const backup = resolve(file);
      const details = { backup, user: userInfo().username };
      const audit = {
        at: now,
        who: commandLine,
        action: 'store-restore',
        node: null,
        reason: null,
        details,
      } as const;
      const restored = restoreDatabase(backup, dataDir, { now, audit });
      const lastReport = restored.backup.lastReportAt;
      const lines = [
        `restored ${restored.backup.nodes} nodes from ${backup}, last report ${lastReport === null ? 'never' : new Date(lastReport).toISOString()}`,
        restored.setAside === null
          ? `there was no database in ${dataDir}`
          : `the database that was there is now ${restored.setAside}`,
        restored.revocationsUnknown === null
          ? `tokens revoked since the backup stay revoked: ${restored.keptRevoked}`
          : `tokens revoked since the backup are valid again, because ${restored.revocationsUnknown}: look at token list, and revoke them`,
        'start the collector: agents send what differs, and drift that was accepted after the backup stands again',
      ];
      context.stderr.write(lines.map((line) => `${line}\n`).join(''));
    },
  );
}

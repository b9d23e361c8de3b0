import { resolve } from 'node:path';
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { commandLine } from '#core/auth';
import { type Restored, restoreDatabase } from '#store/restore-database';
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
      context.stderr.write(
        outcomeLines(restored, backup, dataDir)
          .map((line) => `${line}\n`)
          .join(''),
      );
    },
  );
}

function outcomeLines(restored: Restored, backup: string, dataDir: string): string[] {
  const { backup: facts, setAside, heldBack, sinceUnknown } = restored;
  const { keptRevoked, closedWindows, endedJobs, pendingNodes, keptDeleted, unacknowledged } = heldBack;
  const lastReport = facts.lastReportAt === null ? 'never' : new Date(facts.lastReportAt).toISOString();
  const since =
    sinceUnknown === null
      ? [
          `tokens revoked since the backup stay revoked: ${keptRevoked}`,
          `nodes of which the backup has no baseline, and that wait for an operator: ${pendingNodes}`,
          `nodes deleted since the backup stay deleted: ${keptDeleted}`,
          `drifts whose acknowledgement was taken back since, or is over, and is not in force: ${unacknowledged}`,
        ]
      : [
          `what was decided since the backup is not known, because ${sinceUnknown}`,
          'tokens revoked since are valid again: look at token list, and revoke them',
          'nodes deleted since may report again, and acknowledgements that were taken back silence alerts again',
          'nodes first seen since make a baseline of what they are now, unless you start the collector with HOLDFAST_INITIAL_BASELINE=pending',
        ];
  return [
    `restored ${facts.nodes} nodes from ${backup}, last report ${lastReport}`,
    setAside === null
      ? `there was no database in ${dataDir}`
      : `the database that was there is now ${setAside}`,
    ...since,
    `closed ${closedWindows} windows and ended ${endedJobs} acceptances of rows that were open in the backup: open and accept again what is still meant`,
    'start the collector: agents send what differs, and drift that was accepted after the backup stands again',
  ];
}

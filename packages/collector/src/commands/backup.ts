import { resolve, join } from 'node:path';
import { Command } from 'commander';
import { backUpDatabase } from '#store/backup-database';
import { databaseName } from '#store/sqlite-store';
import { collectorOptions } from '../config.ts';
import { configFor } from './data-directory.ts';
import { addOptionFlags } from './option-flags.ts';
import type { CommandContext } from './program.ts';

export function backupCommand(context: CommandContext): Command {
  const { dataDir, minFreeMib } = collectorOptions;
  const command = new Command('backup')
    .description(
      'Copy the database to FILE while the collector runs. FILE is replaced when the copy is whole.',
    )
    .argument('<FILE>', 'where the backup goes');
  return addOptionFlags(command, { dataDir, minFreeMib }).action(async (file: string, flags: object) => {
    const config = await configFor(context, { ...flags }, ['dataDir', 'minFreeMib']);
    const source = join(config.dataDir, databaseName);
    const keepFreeBytes = config.space.minFreeBytes;
    const { bytes, nodes } = backUpDatabase(source, resolve(file), keepFreeBytes);
    context.stderr.write(`${resolve(file)}: ${nodes} nodes, ${(bytes / 1024 / 1024).toFixed(1)} MiB\n`);
  });
}

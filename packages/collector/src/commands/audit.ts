/** Looks whether the audit log is what was written. May run beside a collector that runs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { databaseName, openSqliteStore } from '#store/sqlite-store';
import { collectorOptions } from '../config.ts';
import { configFor } from './data-directory.ts';
import { addOptionFlags } from './option-flags.ts';
import type { CommandContext } from './program.ts';

export function auditCommand(context: CommandContext, parent: Command): Command {
  const audit = new Command('audit').description('Look after the audit log.').copyInheritedSettings(parent);
  const verify = new Command('verify')
    .description('Follow the chain of the audit log from its first record to its head, and print the head.')
    .copyInheritedSettings(parent)
    .option('--head <HASH>', 'a hash that was the head once, and must still be on the chain', parseHash);
  audit.addCommand(
    addOptionFlags(verify, { dataDir: collectorOptions.dataDir }).action(async (flags: { head?: string }) => {
      const { dataDir } = await configFor(context, { ...flags }, ['dataDir']);
      await verifyAudit(context, dataDir, flags.head ?? null);
    }),
  );
  return audit;
}

/** Throws if the chain does not hold. */
async function verifyAudit(
  { stdout }: CommandContext,
  dataDir: string,
  wanted: string | null,
): Promise<void> {
  const file = join(dataDir, databaseName);
  if (!existsSync(file)) throw new Error(`there is no ${file}; name the directory with --data-dir`);
  await using store = await openSqliteStore({ dataDir, exclusive: false });
  const verdict = await store.verifyAudit(wanted);
  if (verdict.problem !== null) throw new Error(`the audit log was tampered with: ${verdict.problem}`);
  const { id, hash } = verdict.head;
  if (!verdict.foundHead) {
    throw new Error(
      `the audit log was cut, or an older copy of it put back: no record has the hash ${wanted}; the head is record ${id}, ${hash}`,
    );
  }
  stdout.write(`${id} records, head ${hash}\n`);
}

function parseHash(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError('Must be 64 hexadecimal digits, as holdfast_audit_head_info shows them.');
}

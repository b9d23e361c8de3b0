import { setImmediate as nextTurn } from 'node:timers/promises';
import { AuditChainCheck, type AuditVerdict } from '#core/audit-chain';
import { reading } from '#store/storage-error';
import type { Tables } from '#store/tables';

const recordsPerTurn = 500;

/** Reads the whole log, a slice at a time; see {@link AuditChainCheck} for `wanted`. */
export async function verifyAuditChain(audit: Tables['audit'], wanted: string | null): Promise<AuditVerdict> {
  const check = new AuditChainCheck(wanted);
  let after = 0;
  for (;;) {
    const records = reading(() => audit.after(after, recordsPerTurn));
    if (!check.follow(records) || records.length < recordsPerTurn) return check.verdict();
    after = records.at(-1)!.id;
    await nextTurn();
  }
}

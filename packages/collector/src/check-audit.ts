import type { Logger } from 'pino';
import type { Store } from '#store/store';

/** Says in the log if the chain of the audit is broken. Reads all of it, in slices, beside what else is to be done. */
export async function checkAudit(
  store: Pick<Store, 'verifyAudit'>,
  log: Logger,
  stopping: AbortSignal,
): Promise<void> {
  try {
    const { problem } = await store.verifyAudit(null);
    if (problem !== null)
      log.error({ problem }, 'the audit log was tampered with, or is damaged; see docs/security.md');
  } catch (error) {
    // The store may be closed by now.
    if (!stopping.aborted) log.error({ err: error }, 'the audit log could not be checked');
  }
}

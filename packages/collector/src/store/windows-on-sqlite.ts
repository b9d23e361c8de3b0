/** What the store keeps of windows in which changes are expected. What happens in them is written by `Store.decide`. */
import { type ChangeWindow, isOpen, maxOpenWindows, type NewWindow } from '#core/change-window';
import type { AuditRecord, Millis } from '#core/node-state';
import type { GroupCommit } from '#store/group-commit';
import { reading } from '#store/storage-error';
import type { Tables } from '#store/tables';

export interface WindowStore {
  /** With its audit record. Null: too many are open. */
  open(window: NewWindow): Promise<ChangeWindow | null>;
  /** Closes it before its time; the audit record is written where that changes something. Null: there is none. */
  close(id: number, at: Millis, by: string, reason: string | null): Promise<ChangeWindow | null>;
  /** Newest first, those with an id below `before`. */
  list(before: number | null, limit: number): Promise<ChangeWindow[]>;
  /** Those that are open at `now`, oldest first. */
  openAt(now: Millis): Promise<ChangeWindow[]>;
}

export function windowsOnSqlite({ windows, audit }: Tables, commits: GroupCommit): WindowStore {
  return {
    open: (window) =>
      commits.run(() => {
        if (windows.open(window.openedAt).length >= maxOpenWindows) return null;
        const id = windows.add(window);
        audit.add(auditOf('open-window', window, id, window.openedAt, window.openedBy, window.reason));
        return windows.get(id);
      }),
    close: (id, at, by, reason) =>
      commits.run(() => {
        const window = windows.get(id);
        if (!window || !isOpen(window, at)) return window;
        windows.close(id, at, by);
        audit.add(auditOf('close-window', window, id, at, by, reason));
        return windows.get(id);
      }),
    list: async (before, limit) => reading(() => windows.list(before ?? Number.MAX_SAFE_INTEGER, limit)),
    openAt: async (now) => reading(() => windows.open(now)),
  };
}

function auditOf(
  action: 'open-window' | 'close-window',
  { nodes, paths, until, accept }: NewWindow,
  window: number,
  at: Millis,
  who: string,
  reason: string | null,
): AuditRecord {
  const details = { window, nodes: nodes.join('\n'), paths: paths.join('\n'), until, accept };
  return { at, who, action, node: null, reason, details };
}

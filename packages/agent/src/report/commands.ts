/**
 * Carries out what the collector asks for. It asks again until a report has said that the command is done, so each id
 * is begun once and remembered until then, and a while longer for an answer that was overtaken.
 */
import type { CommandList } from '@holdfast/shared/wire';
import type { AideBaseline } from '@holdfast/shared/wire-aide';
import type { Log } from '../observe/options.ts';

/** A report takes no more. */
export const maxCommandsDone = 1000;

export interface CommandActions {
  rescan(): Promise<unknown>;
  /** Resolves when AIDE has run, however it ended. */
  runAide(): Promise<unknown>;
  takeAideBaseline(baseline: AideBaseline | null): void;
  resynchronise(): void;
  /** Something is done that the next report should say. */
  onDone(): void;
}

export interface Commands {
  take(list: CommandList): void;
  /** Ids for the next report. */
  readonly done: readonly number[];
  /** A report with these ids was acknowledged. */
  told(ids: readonly number[]): void;
  /** After a restore the collector counts its commands anew. */
  forget(): void;
}

export function createCommands(actions: CommandActions, log: Log): Commands {
  const seen = new Set<number>();
  const done = new Set<number>();
  let rescans: number[] = [];
  let isScanning = false;

  /** One scan answers all ids that came before it began; those that come later get another. */
  async function rescan(): Promise<void> {
    isScanning = true;
    while (rescans.length > 0) {
      const ids = rescans;
      rescans = [];
      try {
        await actions.rescan();
        finish(ids);
      } catch (error) {
        for (const id of ids) seen.delete(id); // it is asked for again
        log.warn({ err: error }, 'the rescan that the collector asked for has failed');
      }
    }
    isScanning = false;
  }

  function finish(ids: readonly number[]): void {
    for (const id of ids) done.add(id);
    actions.onDone();
  }

  return {
    get done() {
      return [...done].slice(0, maxCommandsDone);
    },
    take({ commands, aideBaseline }) {
      if (aideBaseline !== undefined) actions.takeAideBaseline(aideBaseline);
      for (const { id, kind } of commands) {
        if (seen.has(id)) continue;
        seen.add(id);
        log.info({ id, kind }, 'the collector asks for something');
        switch (kind) {
          case 'rescan':
            rescans.push(id);
            break;
          case 'resynchronise':
            actions.resynchronise();
            finish([id]);
            break;
          case 'aide':
            void actions.runAide().then(() => finish([id]));
            break;
        }
      }
      if (rescans.length > 0 && !isScanning) void rescan();
      for (const id of seen) {
        if (seen.size <= maxCommandsDone) break;
        if (!rescans.includes(id)) seen.delete(id);
      }
    },
    told(ids) {
      for (const id of ids) done.delete(id);
    },
    forget() {
      seen.clear();
      done.clear();
    },
  };
}

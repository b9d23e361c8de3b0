/** Waiting that can be cut short. */

export interface Wakeup {
  /** Ends the wait that runs, or else the next one. */
  wake(): void;
  /** Resolves after `ms` at the latest, or when woken, or when `signal` is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** The longest that a timer of Node can wait. */
const maxTimerMs = 2 ** 31 - 1;

export function createWakeup(): Wakeup {
  let isWoken = false;
  let end: (() => void) | null = null;
  return {
    wake() {
      isWoken = true;
      end?.();
    },
    async wait(ms, signal) {
      if (!isWoken && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(finish, Math.min(ms, maxTimerMs));
          signal.addEventListener('abort', finish);
          end = finish;
          function finish(): void {
            clearTimeout(timer);
            signal.removeEventListener('abort', finish);
            resolve();
          }
        });
      }
      end = null;
      isWoken = false;
    },
  };
}

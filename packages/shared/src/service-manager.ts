/** What systemd tells a service in its environment, and what it wants to hear back; see sd_notify(3). */

export interface ServiceManager {
  /** For the process that notifies. */
  readonly environment: Readonly<Record<string, string>>;
  /** How often to check whether the service works, and to say so. */
  readonly checkMs: number;
}

/** What a check of the service has found. */
export interface ServiceState {
  /** False withholds the sign of life; systemd restarts the service when none has come for its WatchdogSec. */
  readonly isAlive: boolean;
  /** One line for `systemctl status`. */
  readonly status: string;
}

/** Three signs of life in the time in which one must come. */
const checksPerWatchdog = 3;
const checkMsWithoutWatchdog = 30_000;

/** Null where nobody listens. A watchdog that is meant for another process, such as the parent, is none. */
export function serviceManager(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceManager | null {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID, PATH } = environment;
  if (socket === undefined || socket === '') return null;
  const watchdogMs = Number(WATCHDOG_USEC) / 1000;
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(pid);
  return {
    environment: { NOTIFY_SOCKET: socket, ...(PATH === undefined ? {} : { PATH }) },
    checkMs: isOurs && watchdogMs > 0 ? Math.ceil(watchdogMs / checksPerWatchdog) : checkMsWithoutWatchdog,
  };
}

/** What to tell, as arguments of `systemd-notify`. A service that is not alive is not ready either. */
export function notification({ isAlive, status }: ServiceState): readonly string[] {
  return [...(isAlive ? ['READY=1', 'WATCHDOG=1'] : []), `STATUS=${status}`];
}

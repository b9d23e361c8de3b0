/** Tells systemd whether this service works, for as long as it does. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { notification, type ServiceManager, type ServiceState } from '@holdfast/shared/service-manager';

/** systemd-notify waits until systemd has read the message, which else could not tell any more whom it is from. */
const notifyTimeoutMs = 10_000;

export interface NotifyOptions {
  readonly manager: ServiceManager;
  /** Rejects, or does not end, if the service does not work. */
  readonly check: () => ServiceState | Promise<ServiceState>;
  readonly log: { warn(details: object, message: string): void };
}

/**
 * Node has no datagram sockets of the Unix kind, so `systemd-notify` sends each message; the unit has to say
 * `NotifyAccess=all`. Dispose of it to fall silent.
 */
export function keepNotifying({ manager, check, log }: NotifyOptions): AsyncDisposable {
  const stop = new AbortController();
  const told = (async () => {
    while (!stop.signal.aborted) {
      try {
        const message = notification(await check());
        await promisify(execFile)('systemd-notify', message, {
          env: manager.environment,
          timeout: notifyTimeoutMs,
          signal: stop.signal,
        });
      } catch (err) {
        if (!stop.signal.aborted) log.warn({ err }, 'systemd was not told that the service works');
      }
      await sleep(manager.checkMs, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await told;
    },
  };
}

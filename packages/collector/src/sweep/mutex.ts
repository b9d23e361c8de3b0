import { once } from 'node:events';

/** One at a time, in the order of asking. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Disposing of what it answers lets the next one in. Who is told to stop meanwhile waits no longer. */
  async lock(stop: AbortSignal): Promise<AsyncDisposable> {
    const before = this.#last;
    const held = Promise.withResolvers<void>();
    this.#last = before.then(() => held.promise);
    if (!stop.aborted) {
      const waited = new AbortController();
      const stopped = once(stop, 'abort', { signal: waited.signal }).catch(() => undefined);
      await Promise.race([before, stopped]);
      waited.abort();
    }
    return { [Symbol.asyncDispose]: async () => held.resolve() };
  }
}

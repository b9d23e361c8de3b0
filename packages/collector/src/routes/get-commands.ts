import type { Command } from '@holdfast/shared/wire';
import { aideBaselineOf } from '#core/aide-state';
import type { Store } from '#store/store';
import { knownNode } from './node-answer.ts';
import { ProblemError } from './problem.ts';
import { NodeParams, type Route } from './route.ts';

/**
 * At most below the 60 s after which many proxies give up on a quiet connection. Polls that begin at the same moment, after
 * a restart say, end apart: the answers to 10,000 at once would hold up every report for seconds.
 */
const longPollMs = { least: 25_000, most: 55_000 } as const;

/**
 * The agent's long poll: answered as soon as there is a command, else 204 after a while. Of several polls for one
 * node only the newest waits.
 */
export const getCommands: Route = (app, { store, stopping }) => {
  const polls = new Map<string, AbortController>();
  app.get(
    '/api/v1/nodes/:node/commands',
    { config: { role: 'agent', quiet: true }, schema: { params: NodeParams } },
    async (request, reply) => {
      const { node } = request.params;
      const { state } = await knownNode(store, node);
      if (state.deletedAt !== null)
        throw new ProblemError('node-deleted', `${node} was deleted by an operator.`);
      polls.get(node)?.abort();
      const replaced = new AbortController();
      polls.set(node, replaced);
      reply.raw.once('close', () => replaced.abort());
      try {
        const commands = await nextCommands(store, node, AbortSignal.any([stopping, replaced.signal]));
        if (commands.length === 0) return await reply.code(204).send();
        const { aide } = (await knownNode(store, node)).state;
        return { commands, aideBaseline: aideBaselineOf(aide) };
      } finally {
        if (polls.get(node) === replaced) polls.delete(node);
      }
    },
  );
};

async function nextCommands(store: Store, node: string, ended: AbortSignal): Promise<Command[]> {
  // Listening comes before looking: a command that arrives in between wakes us.
  const wait = waitFor(ended, (wake) => store.onCommand(node, wake));
  const waiting = await store.commands(node);
  if (waiting.length > 0 || ended.aborted) {
    wait.stop();
    return waiting;
  }
  await wait.over;
  return ended.aborted ? [] : store.commands(node);
}

/** Over when woken, when `ended` is aborted, or after some of {@link longPollMs}; whatever comes first stops the others. */
function waitFor(ended: AbortSignal, listen: (wake: () => void) => () => void) {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const { least, most } = longPollMs;
  const timer = setTimeout(() => stop(), least + Math.random() * (most - least));
  const unlisten = listen(() => stop());
  const stop = () => {
    clearTimeout(timer);
    unlisten();
    ended.removeEventListener('abort', stop);
    resolve();
  };
  ended.addEventListener('abort', stop, { once: true });
  if (ended.aborted) stop();
  return { over, stop };
}

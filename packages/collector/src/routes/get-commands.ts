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
 * node only the newest waits. Thousands wait at a time: what one holds meanwhile is kept small.
 */
export const getCommands: Route = (app, { store, stopping }) => {
  const endPoll = new Map<string, () => void>();
  stopping.addEventListener('abort', () => {
    for (const end of endPoll.values()) end();
  });
  app.get(
    '/api/v1/nodes/:node/commands',
    { config: { role: 'agent', quiet: true }, schema: { params: NodeParams } },
    async (request, reply) => {
      const { node } = request.params;
      const { state } = await knownNode(store, node);
      if (state.deletedAt !== null)
        throw new ProblemError('node-deleted', `${node} was deleted by an operator.`);
      endPoll.get(node)?.();
      const poll = openPoll(store, node);
      endPoll.set(node, poll.end);
      reply.raw.once('close', poll.end);
      if (stopping.aborted) poll.end();
      const commands = await poll.commands.finally(() => {
        if (endPoll.get(node) === poll.end) endPoll.delete(node);
      });
      if (commands.length === 0) return await reply.code(204).send();
      const { aide } = (await knownNode(store, node)).state;
      return { commands, aideBaseline: aideBaselineOf(aide) };
    },
  );
};

/** `commands` resolves when there are some, when its time is over, or, without any, once it is ended. */
function openPoll(store: Store, node: string): { commands: Promise<Command[]>; end: () => void } {
  let isEnded = false;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = () => {
    isEnded = true;
    resolve();
  };
  const commands = async () => {
    // Listening comes before looking: a command that arrives in between wakes us.
    const unlisten = store.onCommand(node, resolve);
    const { least, most } = longPollMs;
    const timer = setTimeout(resolve, least + Math.random() * (most - least));
    try {
      const waiting = await store.commands(node);
      if (waiting.length > 0) return waiting;
      await over;
      return isEnded ? [] : await store.commands(node);
    } finally {
      clearTimeout(timer);
      unlisten();
    }
  };
  return { commands: commands(), end };
}

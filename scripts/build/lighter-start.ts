/** What the agent's bundle leaves for later, or out, because loading it would be a tenth of the start of each command. */
import type { Plugin } from 'esbuild';

/**
 * Modules of Node that are loaded when something of them is used. They bring others along, as `dgram` and `readline`, and
 * most commands start no process and no thread, and read their few files synchronously.
 */
const lateBuiltins = ['child_process', 'fs/promises', 'worker_threads'];

export const loadBuiltinsLate: Plugin = {
  name: 'load-builtins-late',
  setup(build) {
    const namespace = 'late-builtin';
    const filter = new RegExp(`^(node:)?(${lateBuiltins.join('|')})$`);
    build.onResolve({ filter }, ({ path, namespace: from }) =>
      from === namespace ? { path, external: true } : { path: path.replace(/^(node:)?/, 'node:'), namespace },
    );
    build.onLoad({ filter, namespace }, ({ path }) => ({ contents: lateModule(path) }));
  },
};

/** A CommonJS module with the exports that Node's module `id` has: the first that is asked for loads it. */
function lateModule(id: string): string {
  const module = process.getBuiltinModule(id);
  if (!module) throw new Error(`this Node has no ${id}`);
  const exported = Object.keys(module);
  return `for (const name of ${JSON.stringify(exported)})
    Object.defineProperty(exports, name, { enumerable: true, get: () => require(${JSON.stringify(id)})[name] });`;
}

/**
 * TypeBox's checks of `format`, of which those of international names take 5 ms to load, for their regular expressions.
 * No schema of the agent has a format; one that had would be refused when it is first used, never passed unchecked. The
 * collector's have, so its bundle keeps them.
 */
export const leaveOutFormats: Plugin = {
  name: 'leave-out-formats',
  setup(build) {
    build.onLoad({ filter: /\/typebox\/build\/format\/index\.mjs$/ }, () => ({
      contents: `const refuse = () => { throw new Error('this bundle has no formats: see lighter-start.ts'); };
        export const Format = { Has: refuse, Get: refuse, Test: refuse };`,
    }));
  },
};

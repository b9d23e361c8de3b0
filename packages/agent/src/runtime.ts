/**
 * How the agent's process is to be run, wherever it is run: under `npm start`, by a unit, in a container, in the
 * single executable. Measured settled over the default scope, bundled: 72 MiB of its own memory without, 54 MiB with
 * both; a full scan takes as long either way (`npm run bench -- memory scan`).
 */

export const agentNodeFlags: readonly string[] = [
  // A young generation of 1 MiB: a scan makes much garbage, and V8 would keep what it grew to for it.
  '--max-semi-space-size=1',
  // A signal must not open a debugger into a process that may read every file.
  '--disable-sigusr1',
];

/** One malloc arena: each hash worker would leave an arena of its own behind. */
export const agentProcessEnvironment: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' };

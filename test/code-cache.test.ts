/** The part of the executable that depends on what V8 did while it was built. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentParts, type Part } from '../scripts/build/bundle-agent.ts';
import { writeCodeCaches } from '../scripts/build/code-cache.ts';

/** At once, so that they are in each other's way and each has a timing of its own. */
const builds = 8;

test('the code caches are the same bytes, however V8 timed what it does beside', async () => {
  const parts = await agentParts();
  const [first, ...others] = await Promise.all(Array.from({ length: builds }, () => cachesOf(parts)));
  assert.deepEqual(
    Object.keys(first!),
    parts.map(({ name }) => `${name}.cache`),
  );
  for (const caches of others) assert.deepEqual(caches, first);
});

/** The SHA-256 of each code cache, by name. */
async function cachesOf(parts: readonly Part[]): Promise<Readonly<Record<string, string>>> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-code-cache-'));
  try {
    for (const { name, code } of parts) await writeFile(join(directory, name), code);
    await writeCodeCaches(directory);
    const caches = parts.map(({ name }) => `${name}.cache`);
    const digests = caches.map(
      async (name) => [name, hash('sha256', await readFile(join(directory, name)))] as const,
    );
    return Object.fromEntries(await Promise.all(digests));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

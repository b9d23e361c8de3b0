import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from 'node:crypto';
import { parseSegment } from '@holdfast/agent/core/outbox-segment';
import { closeConnections } from '../harness/api.ts';
import { Site } from '../harness/site.ts';
import { waitFor } from '../harness/wait.ts';

after(closeConnections);

const kills = 50;

test('a file that is changed and changed back while the collector is down is in the events afterwards', async () => {
  await using site = await Site.create();
  const collector = await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  collector.kill('SIGKILL');
  await collector.ended;
  const file = join(site.tree, 'a.conf');
  const original = await readFile(file);
  await writeFile(file, 'tampered');
  await sleep(1500);
  await writeFile(file, original);
  await sleep(1500);
  await site.startCollector();
  await waitFor('both changes in the events', async () => (await digestsOf(site, file)).length >= 2);
  assert.deepEqual(await digestsOf(site, file), [hash('sha256', 'tampered'), hash('sha256', original)]);
  assert.deepEqual(await site.drift(), []);
});

test(`an agent that is killed ${kills} times delivers every event that it had stored`, async () => {
  await using site = await Site.create({ agent: { HOLDFAST_SETTLE_MS: '50', HOLDFAST_AIDE_BINARY: 'off' } });
  const collector = await site.startCollector();
  const first = await site.startAgent();
  await site.untilWatching();
  first.kill('SIGKILL');
  await first.ended;
  collector.kill('SIGKILL');
  await collector.ended;
  const file = join(site.tree, 'b.conf');
  const stored = new Set<string>();
  let last = '';
  for (let kill = 0; kill < kills; kill++) {
    // At first nobody takes what the agent has; then it is killed while it delivers.
    if (kill === kills / 2) await site.startCollector();
    const agent = await site.startAgent();
    const killed = new AbortController();
    const changing = changeUntilStopped(file, `content ${kill}`, killed.signal);
    await waitFor('the agent to have begun', () => agent.output() !== '');
    if (kill % 2 === 0) await sleep(Math.random() * 400);
    else
      await waitFor('an event to be stored', async () =>
        (await storedDigests(site)).some((one) => !stored.has(one)),
      );
    agent.kill('SIGKILL');
    killed.abort();
    last = await changing;
    await agent.ended;
    for (const digest of await storedDigests(site)) stored.add(digest);
  }
  assert.ok(stored.size >= kills / 2, `events of ${stored.size} contents were stored`);
  await site.startAgent();
  const lost = async () => {
    const told = new Set(await digestsOf(site, file));
    return [...stored].filter((digest) => !told.has(digest));
  };
  await waitFor('every stored event', async () => (await lost()).length === 0);
  await waitFor('the drift that the last change left', async () =>
    (await site.drift()).some(({ after }) => after?.sha256 === hash('sha256', last)),
  );
});

/** Gives the file one content after the other; returns the last. */
async function changeUntilStopped(file: string, label: string, signal: AbortSignal): Promise<string> {
  for (let i = 0; ; i++) {
    const content = `${label}, ${i}`;
    await writeFile(file, content);
    await sleep(150);
    if (signal.aborted) return content;
  }
}

/** Of the contents that the events in the agent's outbox tell of, whole batches only. */
async function storedDigests(site: Site): Promise<string[]> {
  const outbox = join(site.directory, 'agent/outbox');
  const segments = await Promise.all(
    (await readdir(outbox)).map(async (name) => {
      // What was acknowledged may go at any time while the agent runs.
      return parseSegment(await readFile(join(outbox, name)).catch(() => Buffer.alloc(0)));
    }),
  );
  return segments.flatMap(({ batches }) =>
    batches.flatMap(({ events }) => events.map(({ after }) => after?.sha256 ?? '')),
  );
}

/** The content digests that the events tell of a file, in order. */
async function digestsOf(site: Site, path: string): Promise<string[]> {
  const events = await site.events();
  return events.filter((event) => event.path === path).map((event) => event.after?.sha256 ?? '');
}

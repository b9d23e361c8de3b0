import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from 'node:crypto';
import { closeConnections } from '../harness/api.ts';
import { Site } from '../harness/site.ts';
import { waitFor } from '../harness/wait.ts';

after(closeConnections);

test('a file that is changed and changed back while the collector is down is in the events afterwards', {
  timeout: 90_000,
}, async () => {
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
  await waitFor('both changes in the events', async () => (await digestsOf(site, file)).length >= 2, 30_000);
  assert.deepEqual(await digestsOf(site, file), [hash('sha256', 'tampered'), hash('sha256', original)]);
  assert.deepEqual(await site.drift(), []);
});

test('an agent that is killed delivers its events once it is back', { timeout: 120_000 }, async () => {
  await using site = await Site.create();
  const collector = await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  collector.kill('SIGKILL');
  await collector.ended;
  const file = join(site.tree, 'b.conf');
  const contents = ['first', 'second', 'third'];
  for (const content of contents) {
    await writeFile(file, content);
    await sleep(1200);
    site.agent!.kill('SIGKILL');
    await site.agent!.ended;
    const agent = await site.startAgent();
    await waitFor(
      'the agent to have scanned again',
      () => agent.output().includes('the first full scan has ended'),
      20_000,
    );
    await sleep(500);
  }
  await site.startCollector();
  await waitFor(
    'every change in the events',
    async () => {
      const digests = await digestsOf(site, file);
      return contents.every((content) => digests.includes(hash('sha256', content)));
    },
    30_000,
  );
  await waitFor('the drift that the last change left', async () => (await site.drift()).length === 1);
});

/** The content digests that the events tell of a file, in order. */
async function digestsOf(site: Site, path: string): Promise<string[]> {
  const events = await site.events();
  return events.filter((event) => event.path === path).map((event) => event.after?.sha256 ?? '');
}

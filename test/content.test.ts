import assert from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, closeConnections } from './harness/api.ts';
import { Site, siteNode } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';

after(closeConnections);

interface Content {
  readonly diff?: string;
  readonly withheld?: string;
}

const canary = 'canary-3f9a';
const scrubbed = '[scrubbed: 11 characters]';

test('a drift of an allow-listed file shows what changed inside it, without its secrets', async () => {
  await using site = await Site.create({ agent: { HOLDFAST_CONTENT_PATHS: '/**/tree/**' } });
  const write = (name: string, content: string | Buffer) => writeFile(join(site.tree, name), content);
  const sshd = (value: string, secret = canary) =>
    `PasswordAuthentication ${value}\nregistry_password = ${secret}\nPort 22\n`;
  await mkdir(join(site.tree, 'private'));
  await write('sshd_config', sshd('no'));
  await write('private/tls.key', `${canary}\n`);
  await write('binary', Buffer.from([0, 1, 2]));
  await write('large', 'x'.repeat(70_000));
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  await waitFor('the texts of the baseline', async () => (await textsTaken(site)) === 3);

  await write('sshd_config', sshd('yes'));
  await write('added.conf', `token: ${canary}\nx = 1\n`);
  for (const name of ['private/tls.key', 'binary', 'large']) await appendFile(join(site.tree, name), 'more');
  const seen = await waitFor('the diffs', async () => {
    const found = await contents(site);
    const areThere = found.get('sshd_config')?.diff && found.get('added.conf')?.diff;
    return areThere !== undefined && found.size === 5 && found;
  });
  assert.equal(
    seen.get('sshd_config')?.diff,
    [
      '--- baseline\n+++ observed\n@@ -1,3 +1,3 @@',
      '-PasswordAuthentication no',
      '+PasswordAuthentication yes',
      ` registry_password = ${scrubbed}`,
      ' Port 22\n',
    ].join('\n'),
  );
  assert.ok(seen.get('added.conf')?.diff?.endsWith(`\n+token: ${scrubbed}\n+x = 1\n`));
  assert.deepEqual(seen.get('private/tls.key'), { withheld: 'denied' });
  assert.deepEqual(seen.get('binary'), { withheld: 'not-text' });
  assert.deepEqual(seen.get('large'), { withheld: 'too-large' });

  await write('sshd_config', sshd('no', canary.toUpperCase()));
  await waitFor(
    'only the secret to differ',
    async () => (await contents(site)).get('sshd_config')?.withheld === 'scrubbed',
  );

  await call(site.url, `/api/v1/nodes/${siteNode}/baseline`, { method: 'POST' });
  await write('sshd_config', sshd('yes', canary.toUpperCase()));
  const again = await waitFor(
    'a diff from the new baseline',
    async () => (await contents(site)).get('sshd_config')?.diff,
  );
  assert.match(again, /^-PasswordAuthentication no$/m);

  await write('sshd_config', sshd('never'));
  await waitFor('the newest to be told', async () =>
    (await contents(site)).get('sshd_config')?.diff?.includes('+PasswordAuthentication never'),
  );
  await call(site.url, `/api/v1/nodes/${siteNode}/baseline`, { method: 'POST' });
  for (const back of ['undo', 'undo']) {
    const { status } = await call(site.url, `/api/v1/nodes/${siteNode}/baseline/${back}`, { method: 'POST' });
    assert.equal(status, 200);
  }
  const undone = (await contents(site)).get('sshd_config');
  assert.match(undone?.diff ?? '', /^-PasswordAuthentication no\n\+PasswordAuthentication never$/m);
  for (const output of [site.collector, site.agent]) {
    assert.ok(!output?.output().toLowerCase().includes(canary), 'no log has the secret');
  }
});

/** By name within the tree. No answer holds a secret. */
async function contents(site: Site): Promise<Map<string, Content | null>> {
  const path = `/api/v1/nodes/${siteNode}/drift`;
  const { body, text } = await call<{ drift: { path: string; content: Content | null }[] }>(site.url, path);
  assert.ok(!text.toLowerCase().includes(canary), text);
  return new Map(body.drift.map((drift) => [drift.path.slice(site.tree.length + 1), drift.content]));
}

async function textsTaken(site: Site): Promise<number> {
  const { text } = await call(site.url, '/metrics');
  const route = 'route="/api/v1/nodes/{node}/contents/{digest}",status="2xx"';
  const line = text.split('\n').find((each) => each.includes(`_count{method="PUT",${route}}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** A file that is mounted by itself, as the kubelet's are in a pod, and that the host replaces. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { call, closeConnections } from './harness/api.ts';
import { agentCommand, collectorCommand, type Programs } from './harness/process.ts';
import { Site, siteNode } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';
import { needMount } from './need.ts';

/** As a container runtime does: a mount namespace of its own, the host's file bound over a place in it. */
const inContainer = 'mount --bind "$HOST_FILE" "$MOUNTED_FILE" && exec "$0" "$@"';

test('the agent reports that a mounted file was replaced, ends, and sees the new one when started anew', {
  skip: needMount(),
}, async () => {
  const programs: Programs = {
    agent: ['unshare', '--mount', 'sh', '-c', inContainer, ...agentCommand],
    collector: collectorCommand,
    environment: { PATH: process.env['PATH'] },
  };
  const env: NodeJS.ProcessEnv = { HOLDFAST_DETACHED_FILES: 'exit', HOLDFAST_METADATA_SCAN_SECONDS: '1' };
  await using site = await Site.create({ programs, agent: env });
  const host = join(site.directory, 'host');
  const mounted = join(site.tree, 'kubelet.yaml');
  mkdirSync(host);
  writeFileSync(join(host, 'kubelet.yaml'), 'v1\n');
  writeFileSync(mounted, '');
  Object.assign(env, { HOST_FILE: join(host, 'kubelet.yaml'), MOUNTED_FILE: mounted });
  await writeFile(join(site.directory, 'scope.yaml'), `version: 1\npaths:\n  - path: ${mounted}\n`);
  await site.startCollector();
  const first = await site.startAgent();
  await site.untilWatching();

  writeFileSync(join(host, 'new'), 'v2\n');
  renameSync(join(host, 'new'), join(host, 'kubelet.yaml'));
  assert.equal(await first.ended, 3, first.output());
  const { body } = await call<{ unknown: object[] }>(site.url, `/api/v1/nodes/${siteNode}/drift`);
  assert.deepEqual(body.unknown, [{ path: mounted, reason: 'detached' }]);

  await site.startAgent();
  const [drift] = await waitFor('the new file', async () => {
    const found = await site.drift();
    return found.some(({ attributes }) => attributes.includes('sha256')) && found;
  });
  assert.equal(drift?.path, mounted);
  closeConnections();
});

/** AIDE from end to end: what only it sees becomes drift, is accepted by path, and stays accepted. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { call, closeConnections } from './harness/api.ts';
import { type ApiDrift, Site, siteNode } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';
import { needRoot, needTool } from './need.ts';

after(closeConnections);

const skip =
  needTool('aide', 'apt-get install -y aide') ||
  needTool('setfacl', 'apt-get install -y acl') ||
  needTool('setfattr', 'apt-get install -y attr') ||
  needTool('setcap', 'apt-get install -y libcap2-bin') ||
  needRoot();

const node = `/api/v1/nodes/${siteNode}`;

interface NodeAnswer {
  readonly aide: {
    readonly status: string;
    readonly reason: string | null;
    readonly baseline: { readonly digest: string } | null;
    readonly run: { readonly id: string } | null;
  } | null;
}

type AideDrift = ApiDrift & {
  readonly engines: readonly string[];
  readonly before: object;
  readonly after: object;
};

/** A collector and an agent with AIDE, until the first database is the baseline. */
async function siteWithAide(): Promise<Site> {
  const site = await Site.create({ agent: { HOLDFAST_AIDE_BINARY: 'aide' } });
  await writeFile(join(site.tree, 'c.conf'), 'c = 1\n');
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  await untilAide(site, 'the first database', (aide) => aide.status === 'same' && aide.baseline !== null);
  return site;
}

async function untilAide(
  site: Site,
  what: string,
  holds: (aide: NonNullable<NodeAnswer['aide']>) => boolean,
): Promise<void> {
  let last: unknown;
  const probe = async (): Promise<boolean> => {
    const { body } = await call<NodeAnswer>(site.url, node);
    last = body.aide;
    return body.aide !== null && holds(body.aide);
  };
  await waitFor(what, probe).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(last)}\n${site.agent?.output() ?? ''}`);
  });
}

/** Asks for a rescan, and waits until a run that began after it was judged. */
async function rescan(site: Site): Promise<void> {
  const { body } = await call<NodeAnswer>(site.url, node);
  const before = body.aide?.run?.id;
  await call(site.url, `${node}/rescan`, { method: 'POST' });
  await untilAide(site, 'another run of AIDE', ({ run }) => run !== null && run.id !== before);
}

async function driftOf(site: Site): Promise<AideDrift[]> {
  return (await site.drift()) as AideDrift[];
}

test('an ACL, a capability and an extended attribute are drift, and are accepted by path', {
  skip,
}, async () => {
  await using site = await siteWithAide();
  const at = (name: string) => join(site.tree, name);
  execFileSync('setfacl', ['-m', 'u:12345:r', at('a.conf')]);
  execFileSync('setcap', ['cap_net_raw+ep', at('b.conf')]);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'x', at('c.conf')]);
  await rescan(site);
  const drift = await waitFor('three drifts', async () => {
    const all = await driftOf(site);
    return all.length === 3 && all.every(({ engines }) => engines.includes('aide')) && all;
  });
  const byName = (name: string) => drift.find(({ path }) => path === at(name));
  assert.ok(byName('a.conf')?.attributes.includes('acl'));
  assert.ok(byName('b.conf')?.attributes.includes('caps'));
  assert.ok(byName('c.conf')?.attributes.includes('xattrs'));
  assert.ok(drift.every(({ attributes }) => !attributes.includes('sha256')));
  assert.deepEqual((await site.driftSeries()).sort(), ['a.conf', 'b.conf', 'c.conf'].map(at).sort());

  const accepted = await call(site.url, `${node}/baseline`, {
    method: 'POST',
    body: { paths: [at('b.conf')], reason: 'ping needs it' },
  });
  assert.equal(accepted.status, 200, accepted.text);
  await rescan(site);
  await waitFor('the accepted one is gone, and two stay', async () => {
    const paths = (await driftOf(site)).map(({ path }) => path).sort();
    return paths.length === 2 && paths.join() === [at('a.conf'), at('c.conf')].join();
  });
  await call(site.url, `${node}/baseline`, { method: 'POST' });
  await rescan(site);
  await untilAide(site, 'AIDE sees no difference', ({ status }) => status === 'same');
  assert.deepEqual(await site.drift(), []);
});

test('what slips in between acceptance and run is drift', { skip }, async () => {
  await using site = await siteWithAide();
  const path = join(site.tree, 'b.conf');
  execFileSync('setcap', ['cap_net_raw+ep', path]);
  await rescan(site);
  await waitFor('the drift', async () => (await driftOf(site)).length === 1);
  execFileSync('setcap', ['cap_setuid+ep', path]);
  await call(site.url, `${node}/baseline`, {
    method: 'POST',
    body: { paths: [path], reason: 'ping needs it' },
  });
  await rescan(site);
  await waitFor('the drift of what nobody accepted', async () => {
    const [drift] = await driftOf(site);
    return JSON.stringify(drift?.after ?? '').includes('cap_setuid');
  });
});

test('an agent that is killed while AIDE runs leaves nothing, and the next goes on', { skip }, async () => {
  await using site = await siteWithAide();
  for (let i = 0; i < 5000; i++) await writeFile(join(site.tree, `more-${i}`), 'x');
  await call(site.url, `${node}/rescan`, { method: 'POST' });
  const pid = await waitFor('AIDE runs', () => childOf(site.agent!.pid));
  site.agent!.kill('SIGKILL');
  await site.agent!.ended;
  await waitFor('AIDE has ended', () => !existsSync(`/proc/${pid}`));
  const left = readdirSync(join(site.directory, 'agent')).filter((name) => name.startsWith('aide'));
  assert.deepEqual(
    left.filter((name) => name !== 'aide-running'),
    [],
  );
  await site.startAgent();
  await untilAide(site, 'the drift that AIDE sees', ({ status }) => status === 'drift');
  assert.deepEqual(
    readdirSync(join(site.directory, 'agent')).filter((name) => name.startsWith('aide')),
    [],
  );
});

/** A child that AIDE's configuration has been given to. */
function childOf(pid: number): number | undefined {
  const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' });
  const line = children.split('\n').find((candidate) => /aide --config=- --update/.test(candidate));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}

/** Agent, collector and the real AIDE: what our own engine cannot see drifts, is accepted by path, and comes back. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { aideRetryMs } from '@holdfast/agent/core/aide/status';
import { call, closeConnections } from './harness/api.ts';
import { type ApiDrift, Site, siteNode } from './harness/site.ts';
import { longestStallMs, waitFor } from './harness/wait.ts';
import { needRoot, needTool } from './need.ts';

after(closeConnections);

const skip =
  needRoot() ||
  needTool('aide', 'apt-get install -y aide') ||
  needTool('setfacl', 'apt-get install -y acl') ||
  needTool('setfattr', 'apt-get install -y attr') ||
  needTool('setcap', 'apt-get install -y libcap2-bin');

interface AideDrift extends ApiDrift {
  readonly engines: readonly string[];
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

interface AideAnswer {
  readonly status: string;
  readonly reason: string | null;
  readonly baseline: { readonly digest: string } | null;
  readonly run: { readonly id: string } | null;
  readonly pending: number;
}

class AideSite {
  readonly #site: Site;
  readonly #path = `/api/v1/nodes/${siteNode}`;

  constructor(site: Site) {
    this.#site = site;
  }

  async aide(): Promise<AideAnswer | null> {
    return (await call<{ aide: AideAnswer | null }>(this.#site.url, this.#path)).body.aide;
  }

  /** What came of a first try that cannot be believed, on a machine that stood still, the agent tries once more. */
  firstDatabase(): Promise<AideAnswer> {
    const probe = async () => {
      const aide = await this.aide();
      if (!aide?.baseline) throw new Error(`${aide?.status}: ${aide?.reason}`);
      return aide;
    };
    return waitFor('a first database', probe, longestStallMs + aideRetryMs(1));
  }

  /** Asks for a run, and waits until one that began since has been judged. */
  async look(): Promise<AideAnswer> {
    const before = (await this.aide())?.run?.id;
    await call(this.#site.url, `${this.#path}/rescan`, { method: 'POST' });
    return waitFor('another run of AIDE', async () => {
      const aide = await this.aide();
      return aide?.run && aide.run.id !== before ? aide : false;
    });
  }

  async drift(): Promise<readonly string[]> {
    const { drift } = (await call<{ drift: AideDrift[] }>(this.#site.url, `${this.#path}/drift`)).body;
    return drift.map(({ path, engines, attributes }) => {
      const name = path.slice(this.#site.tree.length + 1);
      return `${engines.join('+')} ${name} ${attributes.join(',')}`;
    });
  }

  accept(paths?: readonly string[]) {
    const body = paths ? { paths: paths.map((path) => join(this.#site.tree, path)) } : {};
    return call<{ accepted: number; remaining: number }>(this.#site.url, `${this.#path}/baseline`, {
      method: 'POST',
      body,
    });
  }
}

test('lists, capabilities and attributes drift through AIDE, and are accepted by path', {
  skip,
}, async () => {
  await using site = await Site.create();
  const node = new AideSite(site);
  await site.startCollector();
  await site.startAgent();
  await site.untilWatching();
  const first = await node.firstDatabase();
  assert.ok(['same', 'degraded'].includes(first.status), JSON.stringify(first));

  const at = (name: string) => join(site.tree, name);
  execFileSync('setfacl', ['-m', 'u:4321:r', at('a.conf')]);
  execFileSync('setcap', ['cap_net_raw+ep', at('b.conf')]);
  execFileSync('setfattr', ['-n', 'user.note', '-v', 'x', at('b.conf')]);
  await node.look();
  assert.deepEqual(await node.drift(), ['aide a.conf acl', 'aide b.conf xattrs,caps']);
  assert.deepEqual((await site.driftSeries()).sort(), [at('a.conf'), at('b.conf')]);
  const fleet = await call<{ drift: { drift: AideDrift[] }[] }>(site.url, '/api/v1/drift');
  const shown = fleet.body.drift.flatMap(({ drift }) => drift);
  const lines = shown.map(
    ({ path, engines, attributes }) => `${engines.join('+')} ${path} ${attributes.join()}`,
  );
  const expected = [`aide ${at('a.conf')} acl`, `aide ${at('b.conf')} xattrs,caps`];
  assert.deepEqual(new Set(lines), new Set(expected));
  assert.match(JSON.stringify(shown[0]?.after), /user:4321:r|cap_net_raw/);
  const found = (await site.events()).filter(({ kind }) => kind === 'aide-found');
  assert.deepEqual(new Set(found.map(({ path }) => path)), new Set([at('a.conf'), at('b.conf')]));

  const accepted = await node.accept(['a.conf']);
  assert.deepEqual([accepted.body.accepted, accepted.body.remaining], [1, 1], accepted.text);
  assert.deepEqual(await node.drift(), ['aide b.conf xattrs,caps']);
  await node.look();
  assert.deepEqual(await node.drift(), ['aide b.conf xattrs,caps']);

  await appendFile(at('a.conf'), 'a = 2\n');
  await waitFor('the content to drift', async () =>
    (await node.drift()).includes('native a.conf size,sha256'),
  );
  await node.look();
  assert.deepEqual(await node.drift(), ['native+aide a.conf size,sha256', 'aide b.conf xattrs,caps']);
  await node.accept();
  const { status, reason, pending } = await node.look();
  assert.deepEqual([await node.drift(), pending], [[], 0], `${status}: ${reason}`);

  const undone = await call(site.url, `/api/v1/nodes/${siteNode}/baselines/2/restore`, { method: 'POST' });
  assert.equal(undone.status, 200, undone.text);
  await node.look();
  assert.deepEqual(await node.drift(), ['native+aide a.conf size,sha256', 'aide b.conf xattrs,caps']);
});

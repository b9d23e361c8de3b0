import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { file, TestAgent } from '#store/test-node';
import { CollectorApp } from '../../../../test/harness/collector-app.ts';

/** What a file of ours holds is told by its first character. */
const own = (n: number) => String.fromCodePoint(98 + n);
const common = Array.from({ length: 40 }, (_, i) => file(`/usr/bin/program-${i}`));

describe('nodes that are odd among their siblings', () => {
  let site: CollectorApp;
  beforeEach(async () => {
    site = await CollectorApp.open();
  });
  afterEach(() => site[Symbol.asyncDispose]());

  /** Each has a file of its own, as host keys are. */
  async function introduce(count: number, ofNode: (n: number) => TestAgent): Promise<TestAgent[]> {
    const agents = Array.from({ length: count }, (_, n) => ofNode(n));
    for (const agent of agents) await send(agent, agent.whole());
    return agents;
  }

  async function send(agent: TestAgent, report: ReturnType<TestAgent['whole']>): Promise<void> {
    const reply = await site.report(agent.name, report);
    assert.equal(reply.status, 200, reply.text);
    agent.base = reply.json.observed;
  }

  const plain = (n: number, extra: readonly ReturnType<typeof file>[] = []) =>
    new TestAgent(`node-${n}`, [...common, file('/etc/machine-id', own(n)), ...extra]);

  const look = async (query = '') => (await site.call('GET', `/api/v1/outliers${query}`)).json;

  it('are shown with what is usual, though nothing of theirs drifts', async () => {
    await introduce(10, (n) => {
      if (n === 3) return plain(n, [file('/etc/ld.so.preload', 'evil')]);
      if (n === 4)
        return new TestAgent('node-4', [
          ...common.slice(2),
          file('/usr/bin/program-0', 'other'),
          file('/etc/machine-id', own(4)),
        ]);
      return plain(n);
    });
    assert.equal((await site.call('GET', '/api/v1/nodes/node-3')).json.status, 'clean');
    const { nodes, outliers, hiddenNodes, bucketsLeftOut, next } = await look();
    assert.deepEqual([nodes, hiddenNodes, bucketsLeftOut, next], [2, 0, 0, null]);
    const [added, other] = outliers;
    assert.deepEqual([added.node, added.siblings, added.paths], ['node-3', 10, 1]);
    const [preload] = added.differences;
    assert.deepEqual(
      [preload.path, preload.change, preload.usual, preload.usualOn],
      ['/etc/ld.so.preload', 'added', null, 9],
    );
    assert.equal(preload.observed.path, '/etc/ld.so.preload');
    assert.deepEqual(
      other.differences.map(({ path, change }: { path: string; change: string }) => [path, change]),
      [
        ['/usr/bin/program-0', 'changed'],
        ['/usr/bin/program-1', 'removed'],
      ],
    );
  });

  it('are none where a path has no majority, and none among too few', async () => {
    await introduce(10, (n) => plain(n, n < 3 ? [file('/etc/half-rolled-out')] : []));
    assert.equal((await look()).nodes, 0, '7 of 10 are no majority');
    await site.call('DELETE', '/api/v1/nodes/node-0');
    await site.call('DELETE', '/api/v1/nodes/node-1');
    const { outliers } = await look();
    assert.deepEqual(outliers[0].node, 'node-2', '7 of 8 are one');
    for (const n of [5, 6, 7, 8]) await site.call('DELETE', `/api/v1/nodes/node-${n}`);
    assert.equal((await look()).nodes, 0, '3 of 4 are none');
  });

  it('leave out what drifts on the node, and what cannot be seen there', async () => {
    const agents = await introduce(10, (n) => plain(n));
    await send(agents[1]!, agents[1]!.report([file('/usr/bin/program-5', 'changed later')]));
    assert.equal((await look()).nodes, 0);
    await site.call('POST', '/api/v1/nodes/node-1/baseline');
    const { outliers } = await look();
    assert.deepEqual([outliers[0].node, outliers[0].paths], ['node-1', 1]);
    const unread = { ...file('/usr/bin/program-5'), unread: 'stale' as const };
    await send(agents[1]!, agents[1]!.report([unread]));
    assert.equal((await look()).nodes, 0);
  });

  it('are paged by name', async () => {
    await introduce(20, (n) => plain(n, n < 3 ? [file('/etc/extra', own(n))] : []));
    const first = await look('?limit=2');
    assert.deepEqual([first.nodes, first.outliers.length, first.next], [3, 2, 'node-1']);
    const rest = await look(`?limit=2&after=${first.next}`);
    assert.deepEqual([rest.outliers.length, rest.outliers[0].node, rest.next], [1, 'node-2', null]);
    assert.equal((await site.call('GET', '/api/v1/outliers?limit=501')).status, 400);
  });
});

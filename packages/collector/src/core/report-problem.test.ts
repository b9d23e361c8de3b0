import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketOf } from '@holdfast/shared/manifest';
import type { Report } from '@holdfast/shared/wire';
import { reportProblem } from '#core/report-problem';
import { file, openTestStore, TestAgent } from '#store/test-node';

const hosts = file('/etc/hosts');
const index = bucketOf(hosts.path);
const agent = new TestAgent('n1', [hosts]);
const event = agent.event(1, hosts.path, null, hosts);

test('a report that agrees with itself has no problem', () => {
  assert.equal(reportProblem(agent.whole()), null);
  assert.equal(reportProblem(agent.report([hosts], ['/etc/gone'], { events: [event] })), null);
});

const contradictions: Record<string, [Partial<Report>, RegExp]> = {
  'an entry in the wrong bucket': [{ buckets: [{ index: index ^ 1, entries: [hosts] }] }, /does not belong/],
  'a bucket twice': [
    {
      buckets: [
        { index, entries: [] },
        { index, entries: [] },
      ],
    },
    /listed twice/,
  ],
  'a path twice in a bucket': [{ buckets: [{ index, entries: [hosts, hosts] }] }, /listed twice/],
  'a path twice in the upserts': [{ upserts: [hosts, hosts] }, /listed twice/],
  'a path both upserted and removed': [{ upserts: [hosts], removed: [hosts.path] }, /both/],
  'a path removed twice': [{ removed: ['/etc/a', '/etc/a'] }, /removed twice/],
  'an upsert outside of canonical form': [{ upserts: [file('/etc/../shadow')] }, /canonical/],
  'a target outside of canonical form': [
    { upserts: [{ path: '/etc/l', type: 'symlink', target: 'a\u202Eb' }] },
    /canonical/,
  ],
  'a removed path outside of canonical form': [{ removed: ['/etc/%41'] }, /text form/],
  'a blind spot outside of canonical form': [
    { blindSpots: [{ path: '/etc/a\tb', reason: 'empty' }] },
    /text form/,
  ],
  'an event that is not about its path': [{ events: [{ ...event, path: '/etc/passwd' }] }, /another path/],
  'an event about nothing': [{ events: [{ ...event, after: null }] }, /neither/],
  'events out of order': [{ events: [{ ...event, position: 2 }, event] }, /comes after/],
  'entries without a result': [{ result: null, upserts: [hosts] }, /without a result/],
};

for (const [name, [part, problem]] of Object.entries(contradictions)) {
  test(`${name} is a contradiction`, () => {
    assert.match(reportProblem({ ...agent.report(), ...part }) ?? 'no problem', problem);
  });
}

test('a contradiction is refused and changes nothing', async () => {
  await using opened = await openTestStore();
  const { store } = opened;
  const agent = new TestAgent('n1', [hosts]);
  const counted = await agent.send(store, { ...agent.whole(), entries: 7 });
  assert.ok('refused' in counted && counted.refused.code === 'invalid-report');
  const twice = await agent.send(store, { ...agent.whole(), upserts: [hosts, hosts] });
  assert.ok('refused' in twice && twice.refused.code === 'invalid-report');
  assert.equal(await store.node('n1'), null);
});

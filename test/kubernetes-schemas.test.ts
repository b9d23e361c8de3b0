/** That the check of manifests finds what it is there for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseObjects, schemaProblems } from './harness/kubernetes-schemas.ts';

const good = `
apiVersion: v1
kind: Service
metadata: {name: good}
spec:
  ports: [{port: 80, targetPort: http}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: watched}
spec:
  selector: {}
  endpoints: [{port: http}]
`;

test('what fits the schema has no problems', () => {
  assert.deepEqual(schemaProblems(parseObjects(good)), []);
});

test('an unknown field, one of another type and one that is missing are told with kind and name', () => {
  const faults: readonly [string, string, RegExp][] = [
    ['targetPort', 'targetport', /^Service good: "targetport".*known properties/],
    [
      'port: 80',
      'port: "80"',
      /^Service good: "port": "80",: Type 'string' is not assignable to type 'number'/,
    ],
    ['selector: {}', 'jobLabel: x', /^ServiceMonitor watched: .*Property 'selector' is missing/],
  ];
  for (const [right, wrong, told] of faults) {
    const problems = schemaProblems(parseObjects(good.replace(right, wrong)));
    assert.equal(problems.length, 1, wrong);
    assert.match(problems[0]!, told);
  }
});

test('a kind, or a version of the API, that has no schema is a problem', () => {
  const objects = parseObjects(
    '{apiVersion: v1, kind: Srvice, metadata: {name: a}}\n---\n{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: b}}',
  );
  assert.match(schemaProblems(objects).join('\n'), /CronJob b: no schema is known for batch\/v1beta1/);
  assert.match(schemaProblems(objects).join('\n'), /Srvice a: .*no exported member/);
});

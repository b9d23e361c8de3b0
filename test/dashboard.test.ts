/** The dashboard: what Grafana would refuse or draw badly, and where its links lead. test/prometheus.test.ts asks its queries. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type Dashboard, labelValuesQuery, queriesOf, substitute } from './harness/dashboard.ts';
import { needKubectl, renderKustomization } from './harness/kubernetes-schemas.ts';
import { anchorsOf } from './markdown.ts';
import { assertNone, readRepositoryFile, repositoryFiles, repositoryRoot } from './repository.ts';

const text = readRepositoryFile('deploy/grafana/holdfast.json');
const dashboard = JSON.parse(text) as Dashboard;
const { panels } = dashboard;
const variables = dashboard.templating.list;
const docs = variables.find(({ name }) => name === 'docs')?.query;

test('every panel has a number of its own, a title, and room of its own', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  const overlaps = panels.flatMap((one, index) =>
    panels.slice(index + 1).flatMap((other) => {
      const [a, b] = [one.gridPos, other.gridPos];
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      return apart ? [] : [`${one.title} lies on ${other.title}`];
    }),
  );
  assertNone(overlaps, 'panels overlap:');
  assert.ok(panels.every(({ gridPos: { x, w } }) => x >= 0 && x + w <= 24));
});

test('its rows are those of a site: fleet, node, stacks, sweep, health', () => {
  const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
  assert.deepEqual(rows, ['Fleet', 'Node: $node', 'Stacks: $stack', 'Sweep', 'Health of the collector']);
});

test('every query goes to the Prometheus that is chosen, and uses variables that are there', () => {
  const values = Object.fromEntries(variables.map(({ name }) => [name, 'x']));
  for (const { expr } of queriesOf(dashboard)) substitute(expr, values);
  const sources = panels.flatMap(({ datasource, targets = [] }) => [
    ...(datasource ? [datasource] : []),
    ...targets.map((target) => target.datasource),
  ]);
  for (const source of sources) assert.deepEqual(source, { type: 'prometheus', uid: '${datasource}' });
  for (const { title, type, targets = [] } of panels) {
    assert.ok(type === 'row' || targets.length > 0, title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
  }
  assert.deepEqual(
    variables.map(({ name, type }) => `${name} ${type}`),
    ['datasource datasource', 'job query', 'node query', 'stack query', 'docs constant'],
  );
  for (const variable of variables.filter(({ type }) => type === 'query')) labelValuesQuery(variable);
});

test('what counts what is absent is 0 only while a collector answers', () => {
  // `or vector(0)` would be a calm 0 with nobody there.
  assertNone(
    queriesOf(dashboard)
      .filter(({ expr }) => /\bvector\(/.test(expr))
      .map(({ where }) => where),
    'false calm:',
  );
});

test('its links lead to pages that are there, and from every alert to its runbook', () => {
  assert.equal(docs, 'https://holdfast.example/docs');
  const urls = [...dashboard.links, ...panels.flatMap(({ links = [] }) => links)].map(({ url }) => url);
  const broken = urls.filter((url) => {
    const [page = '', anchor] = url.replace('${docs}', 'docs').split('#');
    return !repositoryFiles.includes(page) || (anchor !== undefined && !anchorsOf(page).includes(anchor));
  });
  assertNone(broken, 'no such place:');
  const { groups } = parse(readRepositoryFile('deploy/prometheus/holdfast-rules.yaml')) as {
    groups: { rules: { alert?: string; annotations?: { runbook_url: string } }[] }[];
  };
  const runbooks = groups.flatMap(({ rules }) =>
    rules.flatMap(({ annotations }) => annotations?.runbook_url.replace(docs, '${docs}') ?? []),
  );
  assertNone(
    runbooks.filter((url) => !urls.includes(url)),
    'no panel links to:',
  );
});

test('the ConfigMap is what the sidecar of Grafana looks for, and small enough for kubectl apply', {
  skip: needKubectl(),
}, () => {
  const [configMap, ...more] = renderKustomization(join(repositoryRoot, 'deploy/grafana'));
  assert.deepEqual(more, []);
  assert.equal(configMap?.kind, 'ConfigMap');
  assert.deepEqual(configMap.metadata.labels, { grafana_dashboard: '1' });
  assert.deepEqual(configMap['data'], { 'holdfast.json': text });
  // kubectl keeps the object as JSON in an annotation, and annotations may have 256 KiB.
  assert.ok(JSON.stringify(configMap).length < 256 * 1024);
});

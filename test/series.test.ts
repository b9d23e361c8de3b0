/** Alerts and dashboard ask for what the collector shows, by the labels that it has, and leave nothing out that an operator needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { type Dashboard, queriesOf } from './harness/dashboard.ts';
import { labelsIn, labelsMadeIn, matchersIn, seriesIn } from './harness/promql.ts';
import { codeSpans, tableRows } from './markdown.ts';
import { assertNone, readRepositoryFile } from './repository.ts';

interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly { readonly record?: string; readonly alert?: string; readonly expr: string }[];
  }[];
}

interface Documented {
  readonly labels: readonly string[];
  /** What stands in the row as code: values of labels are among it. */
  readonly spans: readonly string[];
}

const rules = (parse(readRepositoryFile('deploy/prometheus/holdfast-rules.yaml')) as RuleFile).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(readRepositoryFile('deploy/grafana/holdfast.json')) as Dashboard;
const golden = readRepositoryFile('packages/collector/src/outputs/metrics.golden');
const asked = [
  ...rules.map(({ record, alert, expr }) => ({ where: record ?? alert ?? '', expr })),
  ...queriesOf(dashboard),
];

const series = documentedSeries();

/** Of Prometheus, of kube-state-metrics, and of every process. */
const foreign = new Map(
  Object.entries({
    up: [],
    ALERTS: ['alertname', 'alertstate', 'severity'],
    kube_node_info: ['node'],
    process_start_time_seconds: [],
    process_cpu_seconds_total: [],
    process_resident_memory_bytes: [],
    nodejs_eventloop_lag_p99_seconds: [],
  }),
);

test('alerts and dashboard ask for series that are there, by labels that these have', () => {
  const strange = asked.flatMap(({ where, expr }) => {
    const names = seriesIn(expr);
    const unknown = names.filter((name) => labelsOf(name) === null);
    const known = new Set([...names.flatMap((name) => labelsOf(name) ?? []), ...labelsMadeIn(expr)]);
    const joined = labelsIn(expr).filter((label) => !known.has(label));
    const matched = matchersIn(expr).flatMap(({ name, matchers }) =>
      matchers.flatMap(({ label }) => (labelsOf(name)?.includes(label) ? [] : [`${name}{${label}}`])),
    );
    return [...unknown, ...joined, ...matched].map((name) => `${where}: ${name}`);
  });
  assert.ok(asked.length > 100);
  assertNone(strange, 'no such series or label:');
});

test('the values of labels that they ask for are those that a collector writes', () => {
  const strange = asked.flatMap(({ where, expr }) =>
    matchersIn(expr).flatMap(({ name, matchers }) =>
      matchers
        .filter(({ label }) => label !== 'job' && label !== 'route' && series.has(name))
        .flatMap(({ label, values }) =>
          values
            .filter((value) => !value.startsWith('$') && !isShown(name, label, value))
            .map((value) => `${where}: ${name}{${label}="${value}"}`),
        ),
    ),
  );
  assertNone(strange, 'no such value:');
});

test('every series of the collector is on the dashboard or in an alert', () => {
  const used = new Set(asked.flatMap(({ expr }) => seriesIn(expr)));
  assertNone(
    [...series.keys()].filter((name) => ![name, `${name}_bucket`].some((each) => used.has(each))),
    'nobody looks at:',
  );
});

/** Null if there is no such series. */
function labelsOf(name: string): readonly string[] | null {
  const recorded = rules.find(({ record }) => record === name);
  if (recorded) return labelsIn(recorded.expr);
  const others = foreign.get(name);
  if (others) return ['job', 'instance', ...others];
  const own = series.get(name) ?? series.get(name.replace(/_(?:bucket|count|sum)$/, ''));
  return own ? ['job', 'instance', ...own.labels, ...(name.endsWith('_bucket') ? ['le'] : [])] : null;
}

function isShown(name: string, label: string, value: string): boolean {
  return golden.includes(`${label}="${value}"`) && golden.includes(`${name}{`)
    ? new RegExp(`^${name}\\{[^}]*\\b${label}="${value}"`, 'm').test(golden) ||
        series.get(name)!.spans.includes(value)
    : series.get(name)!.spans.includes(value);
}

function documentedSeries(): Map<string, Documented> {
  const found = new Map<string, Documented>();
  for (const [names = '', text = ''] of tableRows('docs/metrics.md')) {
    for (const span of codeSpans(names)) {
      const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(span) ?? [];
      if (name !== '') found.set(name, { labels: labels.split(',').filter(Boolean), spans: codeSpans(text) });
    }
  }
  return found;
}

/** The alerts: right by Prometheus's own rules, each tried both ways, explained, and made of series that exist. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { anchorsOf, codeSpans, tableRows } from './markdown.ts';
import { needTool } from './need.ts';
import { assertNone, readRepositoryFile, repositoryFiles, repositoryRoot } from './repository.ts';

const skip = needTool('promtool', 'apt-get install -y prometheus');
const run = promisify(execFile);

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}
interface Alert extends Rule {
  readonly alert: string;
}
interface UnitTests {
  readonly tests: readonly {
    readonly promql_expr_test: readonly {
      readonly expr: string;
      readonly exp_samples: readonly { readonly labels: string }[];
    }[];
  }[];
}

const ruleFile = 'deploy/prometheus/holdfast-rules.yaml';
const unitTests = repositoryFiles.filter((path) => /^deploy\/prometheus\/tests\/.*\.yaml$/.test(path));
const read = (path: string): unknown => parse(readRepositoryFile(path));
const rules = (read(ruleFile) as RuleFile).groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule): rule is Alert => rule.alert !== undefined);
const runbookBase = 'https://holdfast.example/';

test('promtool finds no fault with the rules', { skip }, async () => {
  const { stdout } = await run('promtool', ['check', 'rules', '--lint=all', '--lint-fatal', ruleFile], {
    cwd: repositoryRoot,
  });
  assert.match(stdout, new RegExp(`SUCCESS: ${rules.length} rules found`));
});

for (const path of unitTests) {
  test(`promtool: ${path}`, { skip }, async () => {
    const { stdout } = await run('promtool', ['test', 'rules', join(repositoryRoot, path)]);
    assert.match(stdout, /SUCCESS/);
  });
}

test('each alert is tried while it waits: one that does not wait fails', { skip }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-alerts-'));
  t.after(() => rm(directory, { recursive: true }));
  await cp(join(repositoryRoot, 'deploy/prometheus'), directory, { recursive: true });
  const hasty = readRepositoryFile(ruleFile).replaceAll(/^( +for:) .*$/gm, '$1 0m');
  await writeFile(join(directory, basename(ruleFile)), hasty);
  const tests = unitTests.map((path) => join(directory, 'tests', basename(path)));
  const failed = await run('promtool', ['test', 'rules', ...tests]).then(
    () => assert.fail('promtool finds nothing'),
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  );
  const found = new Set(Array.from(failed.matchAll(/alertname=\\"(\w+)\\"/g), ([, name]) => name));
  assert.deepEqual(
    alerts.map(({ alert }) => alert).filter((alert) => !found.has(alert)),
    [],
  );
});

test('a fifth of the nodes or stacks is many, and of a large fleet more than fifty nodes', {
  skip,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-alerts-'));
  t.after(() => rm(directory, { recursive: true }));
  const series = (name: string, count: number, of: string, labels = '') =>
    Array.from({ length: count }, (_, i) => ({
      series: `${name}{job="holdfast-collector",instance="a",${of}="${of}${i}"${labels}}`,
      values: '1+0x31',
    }));
  const tried = (what: string, isMany: boolean, all: ReturnType<typeof series>) => {
    const alert = `ALERTS{alertname="Holdfast${what}DriftingTogether", alertstate="firing"`;
    const labels = `${alert}, job="holdfast-collector", severity="critical"}`;
    const exp_samples = isMany ? [{ labels, value: 1 }] : [];
    return {
      interval: '1m',
      input_series: all,
      promql_expr_test: [{ expr: `${alert}}`, eval_time: '31m', exp_samples }],
    };
  };
  const nodes = (drifting: number, all: number, isMany: boolean) =>
    tried('Nodes', isMany, [
      ...series('holdfast_node_info', all, 'node'),
      ...series('aide_drift_detected', drifting, 'node', ',path="/etc/hosts"'),
    ]);
  const stacks = (differing: number, all: number, isMany: boolean) =>
    tried('Stacks', isMany, [
      ...series('holdfast_stack_outcome', all, 'stack', ',outcome="drift"'),
      ...series('terragrunt_drift_detected', differing, 'stack', ',cause="drift"'),
    ]);
  const file = join(directory, 'large-fleet.yaml');
  await writeFile(
    file,
    JSON.stringify({
      rule_files: [join(repositoryRoot, ruleFile)],
      evaluation_interval: '1m',
      tests: [
        nodes(50, 300, false),
        nodes(51, 300, true),
        nodes(3, 16, false),
        nodes(3, 15, true),
        stacks(5, 26, false),
        stacks(5, 25, true),
      ],
    }),
  );
  const { stdout } = await run('promtool', ['test', 'rules', file]);
  assert.match(stdout, /SUCCESS/);
});

test('each alert is tried firing and silent', () => {
  const tried = unitTests
    .flatMap((path) => (read(path) as UnitTests).tests.flatMap((each) => each.promql_expr_test))
    .filter(({ expr }) => !/^holdfast:[a-z:]+$/.test(expr)) // what a rule records
    .map(({ expr, exp_samples: samples }) => {
      const name = /^ALERTS\{alertname="(\w+)", alertstate="firing"\}$/.exec(expr)?.[1];
      assert.ok(name, expr);
      return `${name} ${samples.length > 0 ? 'firing' : 'silent'}`;
    });
  const wanted = alerts.flatMap(({ alert }) => [`${alert} firing`, `${alert} silent`]);
  assert.deepEqual([...new Set(tried)].sort(), wanted.sort());
});

test('each alert waits, has a severity, says what is wrong, and leads to a runbook that is there', () => {
  assert.deepEqual(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
  for (const { alert, labels = {}, annotations = {}, ...rule } of alerts) {
    assert.match(alert, /^Holdfast[A-Z]/);
    assert.match(rule.for ?? '', /^[1-9]\d*[mh]$/, alert);
    assert.match(labels['severity'] ?? '', /^(critical|warning|info)$/, alert);
    assert.match(annotations['summary'] ?? '', /^[A-Z][^{]*\.$/, alert);
    assert.match(annotations['description'] ?? '', /\.$/, alert);
    const url = annotations['runbook_url'] ?? '';
    assert.ok(url.startsWith(runbookBase), alert);
    const [page = '', anchor = ''] = url.slice(runbookBase.length).split('#');
    assert.equal(anchor, alert.toLowerCase());
    assert.ok(repositoryFiles.includes(page) && anchorsOf(page).includes(anchor), `${alert}: ${url}`);
  }
});

test('what an alert says of its labels is what it has when it fires', () => {
  const firing = unitTests
    .flatMap((path) => (read(path) as UnitTests).tests.flatMap((each) => each.promql_expr_test))
    .flatMap(({ exp_samples: samples }) => samples.map(({ labels }) => labels));
  for (const { alert, annotations = {} } of alerts) {
    const has = firing.filter((labels) => labels.includes(`alertname="${alert}"`));
    const said = JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g);
    for (const [, label] of said)
      assert.ok(
        has.every((labels) => labels.includes(` ${label}="`) || labels.includes(`,${label}="`)),
        `${alert}: ${label}`,
      );
  }
});

test('each runbook belongs to an alert, and says what to look at, how to repair and how to accept', () => {
  const pages = repositoryFiles.filter((path) => path.startsWith('docs/runbooks/'));
  const sections = pages.flatMap((page) => readRepositoryFile(page).split(/^## /m).slice(1));
  const titles = sections.map((section) => section.split('\n')[0]!);
  assert.deepEqual(titles.toSorted(), alerts.map(({ alert }) => alert).sort());
  const parts = ['**Means.**', '**Look.**', '**Repair.**', '**Accept.**'];
  assertNone(
    sections.flatMap((text) =>
      parts.filter((part) => !text.includes(part)).map((part) => `${text.split('\n')[0]}: ${part}`),
    ),
    'a runbook lacks:',
  );
});

test('curl lines of the runbooks and of the weekly review name routes that exist', () => {
  const routes = tableRows('docs/api.md', 'Routes').map(([route = '']) => codeSpans(route)[0]!);
  const known = routes.map((route) => {
    const [method, path = ''] = route.split(' ');
    return new RegExp(`^${method} ${path.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`);
  });
  const pages = repositoryFiles.filter(
    (path) => path.startsWith('docs/runbooks/') || path === 'docs/weekly-review.md',
  );
  const called = pages.flatMap((page) =>
    Array.from(readRepositoryFile(page).matchAll(/curl .*$/gm), ([line]) => {
      const path = /\$URL([^"\s?)|]*)/.exec(line)?.[1] ?? line;
      return `${/-X (\w+)/.exec(line)?.[1] ?? 'GET'} ${path}`;
    }),
  );
  assert.ok(called.length > 20);
  assertNone(
    called.filter((call) => !known.some((route) => route.test(call))),
    'no such route:',
  );
});

test('the PrometheusRule holds the same groups', () => {
  const object = read('deploy/prometheus/prometheus-rule.yaml') as { kind: string; spec: RuleFile };
  assert.equal(object.kind, 'PrometheusRule');
  assert.deepEqual(object.spec.groups, (read(ruleFile) as RuleFile).groups);
});

test('the alerts over many silence alerts that exist', () => {
  const config = readRepositoryFile('deploy/prometheus/alertmanager.yaml');
  const { inhibit_rules: inhibitions } = parse(config) as {
    inhibit_rules: { source_matchers: string[]; target_matchers: string[] }[];
  };
  const pairs = inhibitions.map(({ source_matchers: source, target_matchers: target }) =>
    [source, target].map((matchers) => {
      const [, value = ''] = /^alertname =~? "(.+)"$/.exec(matchers[0]!) ?? [];
      return alerts.map(({ alert }) => alert).filter((alert) => new RegExp(`^(?:${value})$`).test(alert));
    }),
  );
  for (const [source, target] of pairs) assert.ok(source!.length === 1 && target!.length > 0, config);
  const silenced = (by: string) =>
    pairs.filter(([source]) => source![0] === by).flatMap(([, target]) => target);
  assert.deepEqual(silenced('HoldfastNodesDriftingTogether'), ['HoldfastNodeDrift', 'HoldfastDriftHidden']);
  assert.deepEqual(silenced('HoldfastStacksDriftingTogether'), ['HoldfastStackDrift']);
});

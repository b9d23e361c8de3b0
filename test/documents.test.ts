/** Documents and code agree, both ways: everything that is there is documented, and nothing else is. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { createRegistry } from '@holdfast/agent/health/agent-metrics';
import { agentOptions } from '@holdfast/agent/options';
import { buildApp, routesOf } from '@holdfast/collector/app';
import { collectorOptions } from '@holdfast/collector/config';
import { loadConfig } from '@holdfast/collector/load-config';
import { createLog } from '@holdfast/collector/log';
import { CollectorMetrics } from '@holdfast/collector/outputs/collector-metrics';
import { summaries } from '@holdfast/collector/routes/summaries';
import { openSqliteStore } from '@holdfast/collector/store/sqlite-store';
import { describeOptions } from '@holdfast/shared/options';
import { problemCodes } from '@holdfast/shared/problem-codes';
import { anchorsOf, codeSpans, localLinks, tableRows } from './markdown.ts';
import { assertNone, readRepositoryFile, repositoryFiles } from './repository.ts';

const documents = repositoryFiles.filter((path) => path.endsWith('.md'));

for (const [program, table] of [
  ['agent', agentOptions],
  ['collector', collectorOptions],
] as const) {
  const path = `docs/configuration-${program}.md`;

  test(`${path} lists every option of the ${program} with its default, and no other`, () => {
    const documented = new Map(
      tableRows(path, 'Options').flatMap(([names = '', value = '']) =>
        codeSpans(names).map((name) => [name, value.replaceAll('`', '')] as const),
      ),
    );
    const options = describeOptions(table);
    assert.deepEqual([...documented.keys()].sort(), options.map(({ environment }) => environment).sort());
    assertNone(
      options
        .filter(({ environment, defaultText }) => !sameDefault(documented.get(environment)!, defaultText))
        .map(
          ({ environment, defaultText }) =>
            `${environment}: ${documented.get(environment)}, not ${defaultText}`,
        ),
      'the documented default is not the one in force:',
    );
  });
}

test('no document names an option that does not exist', () => {
  const known = new Set(
    [agentOptions, collectorOptions].flatMap((table) =>
      describeOptions(table).map(({ environment }) => environment),
    ),
  );
  const strange = documents.flatMap((path) =>
    Array.from(
      readRepositoryFile(path)
        .replaceAll(/^```[\s\S]*?^```/gm, '')
        .matchAll(/`(HOLDFAST_[A-Z_]*[A-Z])(?:=[^`]*)?`/g),
    )
      .map((match) => match[1]!)
      .filter((name) => !known.has(name) && !name.startsWith('HOLDFAST_COLLECTOR_SERVICE_'))
      .map((name) => `${path}: ${name}`),
  );
  assertNone(strange, 'no such option:');
});

test('docs/metrics.md lists every series of the collector with its labels, and no other', () => {
  assertSameSeries('docs/metrics.md', new CollectorMetrics().series);
});

test('docs/metrics-agent.md lists every series of the agent with its labels, and no other', () => {
  assertSameSeries(
    'docs/metrics-agent.md',
    seriesOf(
      createRegistry({
        tally: { reports: new Map(), changes: new Map(), hashedBytes: 0 },
        manifest: () => null,
        blindSpots: () => 0,
        scans: () => [],
        aideStatus: () => 'off',
        watchDegraded: () => false,
        outbox: () => ({ events: 0, bytes: 0, dropped: 0, degraded: false }),
        lastAcknowledged: () => null,
      }),
    ),
  );
});

test('docs/api.md lists every route with its role, and no other', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-documents-'));
  try {
    await using store = await openSqliteStore({ dataDir, exclusive: true });
    const config = loadConfig({ environment: {}, flags: {}, configFile: null });
    const app = buildApp({
      store,
      config,
      log: createLog('silent', process.stderr),
      clock: () => 0,
    });
    await app.ready();
    const routes = routesOf(app).map(({ method, path, role }) => `${method} ${path} ${role}`);
    await app.close();
    const documented = tableRows('docs/api.md', 'Routes').map(
      ([route = '', role = '']) => `${codeSpans(route)[0]} ${role.split(',')[0]}`,
    );
    assert.deepEqual(documented.sort(), routes.sort());
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('docs/api.md and /openapi.json say the same of each route', () => {
  const plain = (text: string) => text.replaceAll(/\[([^\]]*)\]\([^)]*\)|`/g, '$1');
  const documented = tableRows('docs/api.md', 'Routes').map(([route = '', , what = '']) => [
    codeSpans(route)[0],
    plain(what),
  ]);
  assert.deepEqual(Object.fromEntries(documented), summaries);
});

test('docs/api.md lists every error code with its status, and no other', () => {
  const documented = tableRows('docs/api.md', 'Errors').map(
    ([code = '', status]) => `${codeSpans(code)[0]} ${status}`,
  );
  const codes = Object.entries(problemCodes).map(([code, { status }]) => `${code} ${status}`);
  assert.deepEqual(documented.sort(), codes.sort());
});

test('links between documents resolve', () => {
  const broken = documents.flatMap((path) =>
    localLinks(path)
      .filter(({ target, anchor }) => {
        const file = target === '' ? path : posix.normalize(posix.join(posix.dirname(path), target));
        const isThere = repositoryFiles.some(
          (known) => known === file || known.startsWith(`${file.replace(/\/$/, '')}/`),
        );
        return (
          !isThere || (anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor))
        );
      })
      .map(({ target, anchor }) => `${path}: ${target}${anchor === undefined ? '' : `#${anchor}`}`),
  );
  assertNone(broken, 'no such place:');
});

test('files that documents name are there', () => {
  const missing = documents.flatMap((path) =>
    codeSpans(readRepositoryFile(path).replaceAll(/^```[\s\S]*?^```/gm, ''))
      .filter((span) => /^(packages|test|bench|scripts|docs|deploy|\.ci)\/[\w./-]+$/.test(span))
      .filter(
        (span) =>
          !repositoryFiles.some((file) => file === span || file.startsWith(`${span.replace(/\/$/, '')}/`)),
      )
      .map((span) => `${path}: ${span}`),
  );
  assertNone(missing, 'no such file:');
});

test('every document can be reached from the README', () => {
  const reached = new Set(['README.md']);
  for (const path of reached) {
    for (const { target } of localLinks(path)) {
      const file = posix.normalize(posix.join(posix.dirname(path), target));
      if (file.endsWith('.md') && repositoryFiles.includes(file)) reached.add(file);
    }
  }
  assertNone(
    documents.filter((path) => !reached.has(path)),
    'no document leads there:',
  );
});

test('the changelog has an entry for this version', () => {
  const { version } = JSON.parse(readRepositoryFile('package.json')) as { version: string };
  const section = readRepositoryFile('CHANGELOG.md')
    .split(/^## /m)
    .find((part) => part.startsWith(version));
  assert.match(section ?? '', /^- \S/m);
});

function assertSameSeries(
  path: string,
  shown: readonly { readonly name: string; readonly labels: readonly string[] }[],
): void {
  const series = shown.map(({ name, labels }) =>
    labels.length === 0 ? name : `${name}{${labels.toSorted().join()}}`,
  );
  const documented = tableRows(path)
    .flatMap(([names = '']) => codeSpans(names))
    .filter((name) => !name.endsWith('*'))
    .map((name) => name.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join()}}`));
  assert.deepEqual(documented.sort(), series.sort());
}

/** Only the metrics' names and labels are read here, which prom-client does not type. */
function seriesOf(registry: { getMetricsAsArray(): unknown[] }) {
  const metrics = registry.getMetricsAsArray() as { name: string; labelNames: string[] }[];
  return metrics.map(({ name, labelNames }) => ({ name, labels: labelNames }));
}

/** The document may say more than the bare default. */
function sameDefault(documented: string, defaultText: string): boolean {
  return (
    documented === defaultText ||
    documented.startsWith(`${defaultText} `) ||
    documented.startsWith(`${defaultText};`)
  );
}

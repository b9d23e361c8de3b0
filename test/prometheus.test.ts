/**
 * A real Prometheus with our rules over a real collector with a real agent: the drift alert fires, outlasts a kill of the
 * collector, and clears by an acceptance; and every query of the dashboard finds something there.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { hash, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { call, closeConnections } from './harness/api.ts';
import {
  asRegex,
  type Dashboard,
  labelValuesQuery,
  queriesOf,
  substitute,
  type Variable,
} from './harness/dashboard.ts';
import { HttpDouble } from './harness/http-double.ts';
import { operatorToken, startCollectorCommand } from './harness/process.ts';
import { type ActiveAlert, needPrometheus, Prometheus } from './harness/prometheus.ts';
import { Site, siteNode } from './harness/site.ts';
import { pushedSweep } from './harness/pushed-sweep.ts';
import { fieldsRead, runbookLines, runLines } from './harness/runbook-lines.ts';
import { waitFor } from './harness/wait.ts';
import { needTool } from './need.ts';
import { assertNone, readRepositoryFile } from './repository.ts';

const skip =
  needPrometheus() || needTool('curl', 'apt-get install -y curl') || needTool('jq', 'apt-get install -y jq');
const run = promisify(execFile);
const job = 'holdfast-collector';
const node = `/api/v1/nodes/${siteNode}`;
const dashboard = JSON.parse(readRepositoryFile('deploy/grafana/holdfast.json')) as Dashboard;
/** An hour is a second here. */
const rules = readRepositoryFile('deploy/prometheus/holdfast-rules.yaml').replaceAll(
  /^(\s+for:) .*$/gm,
  '$1 1s',
);

describe('a real Prometheus', { skip }, () => {
  let site: Site;
  let others: HttpDouble;
  let prometheus: Prometheus;
  const file = (name: string) => join(site.tree, name);

  before(async () => {
    others = await HttpDouble.start();
    const url = others.url.href;
    site = await Site.create({
      collector: {
        HOLDFAST_LOKI_URL: url,
        HOLDFAST_WEBHOOK_URL: url,
        HOLDFAST_PUSHGATEWAY_URL: url,
        HOLDFAST_SWEEP_PATH: join(import.meta.dirname, 'harness'),
        HOLDFAST_SWEEP_SCHEDULE: 'off',
      },
      agent: { HOLDFAST_AIDE_BINARY: 'off' },
    });
    for (const name of ['c.conf', 'd.conf']) await writeFile(file(name), '1\n');
    const target = new URL(site.url).host;
    const starting = Prometheus.start({ target, job, rules, everyMs: 500 });
    await site.startCollector();
    await site.startAgent();
    prometheus = await starting;
    await site.untilWatching();
  });
  after(async () => {
    await prometheus?.[Symbol.asyncDispose]();
    await site?.[Symbol.asyncDispose]();
    await others?.[Symbol.asyncDispose]();
    closeConnections();
  });

  async function driftAlert(): Promise<ActiveAlert | undefined> {
    return (await prometheus.alerts()).find(
      ({ labels }) => labels['alertname'] === 'HoldfastNodeDrift' && labels['path'] === file('a.conf'),
    );
  }

  const untilFiring = (what: string) =>
    waitFor(what, async () => {
      const alert = await driftAlert();
      return alert?.state === 'firing' && alert;
    });

  it('raises the drift alert for a file that was edited', async () => {
    await waitFor('the first scrape', async () => (await prometheus.query(`up{job="${job}"} == 1`))[0]);
    assert.equal(await driftAlert(), undefined);
    await writeFile(file('a.conf'), 'a = 2\n');
    const { labels, annotations } = await untilFiring('the alert');
    assert.deepEqual(labels, {
      alertname: 'HoldfastNodeDrift',
      job,
      node: siteNode,
      path: file('a.conf'),
      severity: 'warning',
    });
    assert.match(
      annotations['description'] ?? '',
      new RegExp(`^${file('a.conf')} on ${siteNode} has differed`),
    );
  });

  it('keeps it through a kill of the collector, and does not begin anew', async () => {
    const before = await untilFiring('the alert');
    site.collector?.kill('SIGKILL');
    await site.collector?.ended;
    await waitFor(
      'the series to be stale',
      async () => (await prometheus.query('aide_drift_detected')).length === 0,
    );
    assert.equal((await untilFiring('the alert, with nobody to ask')).activeAt, before.activeAt);
    await waitFor('the collector to be missed', async () =>
      (await prometheus.alerts()).find(
        ({ labels, state }) => labels['alertname'] === 'HoldfastCollectorDown' && state === 'firing',
      ),
    );
    await site.startCollector();
    await waitFor('it to be back', async () => (await prometheus.query('aide_drift_detected')).length > 0);
    assert.equal((await untilFiring('the alert, afterwards')).activeAt, before.activeAt);
  });

  it('answers every query of the dashboard, for all and for one, and evaluates every rule', async () => {
    await everythingHappens();
    const variables = dashboard.templating.list;
    const values: Record<string, string> = {};
    for (const variable of variables.filter(({ type }) => type === 'query'))
      values[variable.name] = await firstValue(variable, values);
    assert.deepEqual(Object.keys(values), ['job', 'node', 'stack']);
    assert.deepEqual([values['job'], values['node']], [job, siteNode]);
    const all = { ...values };
    for (const { name, allValue } of variables) if (allValue !== undefined) all[name] = allValue;

    const queries = queriesOf(dashboard);
    assert.ok(queries.length > 50);
    const empty = async () => {
      const found = await Promise.all(
        queries.map(async ({ where, expr }) => {
          const series = await prometheus.query(substitute(expr, all));
          return series.length > 0 ? [] : [`${where}: ${substitute(expr, all)}`];
        }),
      );
      return found.flat();
    };
    await waitFor('every panel to have data', async () => (await empty()).length === 0).catch(async () =>
      assertNone(await empty(), 'a panel is empty:'),
    );
    const one = { ...values, node: asRegex(values['node']!), stack: asRegex(values['stack']!) };
    for (const { expr } of queries) await prometheus.query(substitute(expr, one));

    const broken = (await prometheus.rules()).filter(({ health }) => health !== 'ok');
    assert.deepEqual(broken, []);
  });

  it('clears the alert when curl accepts what stands', async () => {
    await untilFiring('the alert');
    const { stdout } = await run('curl', [
      '-sS',
      '-X',
      'POST',
      '-H',
      `Authorization: Bearer ${operatorToken}`,
      '-d',
      JSON.stringify({ paths: [file('a.conf')], reason: 'CHG-1234' }),
      `${site.url}${node}/baseline`,
    ]);
    assert.equal((JSON.parse(stdout) as { accepted: number }).accepted, 1, stdout);
    await waitFor('the alert to clear', async () => (await driftAlert()) === undefined);
  });

  it('is where every line of the runbooks works', async () => {
    const broken: string[] = [];
    let answers = '';
    const read = new Set<string>();
    for (const { where, text, stage } of runbookLines()) {
      if (stage === 'act') await somethingToDo();
      const { body } = await call<{ drift: { row: string }[] }>(site.url, '/api/v1/drift');
      const ran = runLines(
        text.replaceAll('/etc/ssh/**', `${site.tree}/**`).replaceAll('5d2e…', body.drift[0]?.row ?? ''),
        {
          URL: site.url,
          NODE: siteNode,
          STACK: encodeURIComponent('stacks/drift'),
          H: `Authorization: Bearer ${operatorToken}`,
        },
      );
      if (ran.exit !== 0)
        broken.push(`${where}: exit ${ran.exit}\n${text}${ran.output}${ran.answers.slice(-500)}`);
      for (const field of fieldsRead(text)) read.add(field);
      answers += ran.answers;
    }
    assertNone(broken, 'a line of a runbook fails:');
    // Of a run of AIDE, and of a file on the allow-list of contents: neither is here.
    for (const field of ['warnings', 'diff']) read.delete(field);
    assert.ok(read.size > 40);
    assertNone(
      [...read].filter((field) => !answers.includes(`"${field}":`)),
      'no answer has the field:',
    );
  });

  /** A new drift to decide on, and no sweep that runs. */
  async function somethingToDo(): Promise<void> {
    const text = `${randomUUID()}\n`;
    await writeFile(file('a.conf'), text);
    // One may stand already: what is looked at next must be what stays.
    await waitFor('the drift', async () =>
      (await site.drift()).some(({ after }) => after?.sha256 === hash('sha256', text)),
    );
    await waitFor('sweeps to end', async () => {
      const { body } = await call<{ sweeps: { state: string }[] }>(site.url, '/api/v1/sweeps');
      return body.sweeps.every(({ state }) => state !== 'running');
    });
  }

  async function firstValue(variable: Variable, known: Record<string, string>): Promise<string> {
    const { selector, label } = labelValuesQuery(variable);
    return waitFor(`a value of $${variable.name}`, async () => {
      const [value] = await prometheus.labelValues(label, substitute(selector, known));
      return value;
    });
  }

  /** A drift of each kind, a review, a sweep with every outcome. */
  async function everythingHappens(): Promise<void> {
    const made = startCollectorCommand(['token', 'create', '--role', 'sweeper', '--name', 'job'], {
      HOLDFAST_DATA_DIR: join(site.directory, 'collector'),
    });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
      const reply = await call(site.url, path, { method: 'POST', body, headers });
      assert.ok(reply.status < 300, `${path}: ${reply.text}`);
    };
    await post('/api/v1/windows', { nodes: ['*'], paths: [file('b.conf')], until, reason: 'upgrade' });
    for (const name of ['b.conf', 'c.conf', 'd.conf']) await writeFile(file(name), '2\n');
    await waitFor('four drifts', async () => (await site.drift()).length === 4);
    const { headers } = await call(site.url, `${node}/drift`);
    await post(`${node}/review`, {}, { 'if-match': String(headers['etag']) });
    await post(`${node}/drift/acknowledge`, { paths: [file('c.conf')], until, reason: 'CHG-1' });
    await made.ended;
    const token = /hf_sweeper_\S+/.exec(made.output())?.[0];
    assert.ok(token, made.output());
    const { status, text } = await call(site.url, `/api/v1/sweeps/${randomUUID()}/results`, {
      method: 'PUT',
      token,
      body: pushedSweep(),
    });
    assert.equal(status, 200, text);
  }
});

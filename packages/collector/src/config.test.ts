import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { OptionsError } from '@holdfast/shared/options';
import { listenProblem } from './config.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const token = 'hf_operator_0123456789';

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function load(environment: Record<string, string>, more: Partial<ConfigSources> = {}) {
  return loadConfig({ environment, flags: {}, configFile: null, ...more });
}

function problemsOf(
  environment: Record<string, string>,
  more: Partial<ConfigSources> = {},
): readonly string[] {
  try {
    load(environment, more);
  } catch (error) {
    assert.ok(error instanceof OptionsError);
    return error.problems;
  }
  return assert.fail('should be refused');
}

describe("the collector's configuration", () => {
  it('has the defaults that are promised', () => {
    const config = load({});
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 9477 });
    assert.equal(config.dataDir, '/var/lib/holdfast');
    assert.equal(config.nodeSilentSeconds, 300);
    assert.equal(config.retentionDays, 90);
    assert.deepEqual(config.metrics, { pathsPerNode: 200, auth: 'open' });
    assert.equal(config.intake.initialBaseline, 'accept');
    assert.deepEqual(config.tokens, { operator: null, agent: null });
    assert.equal(config.tls, null);
  });

  it('reads a file of the same names, which flags and environment override', () => {
    const configFile = file('collector.yaml', 'retentionDays: 7\nnodeSilentSeconds: 10\nlogLevel: debug\n');
    const config = load({ HOLDFAST_NODE_SILENT_SECONDS: '20' }, { configFile, flags: { logLevel: 'warn' } });
    assert.equal(config.retentionDays, 7);
    assert.equal(config.nodeSilentSeconds, 20);
    assert.equal(config.logLevel, 'warn');
  });

  it('takes tokens from files, without the newline that editors add', () => {
    const path = file('token', `${token}\n`);
    assert.equal(load({ HOLDFAST_OPERATOR_TOKEN_FILE: path }).tokens.operator, token);
  });

  it('tells every problem at once, and shows no token', () => {
    const problems = problemsOf({
      HOLDFAST_LISTEN: 'nowhere',
      HOLDFAST_OPERATOR_TOKEN: 'short',
      HOLDFAST_AGENT_TOKEN: token,
      HOLDFAST_AGENT_TOKEN_FILE: file('agent', 'with blanks in it'),
      HOLDFAST_TLS_CERT_FILE: '/cert.pem',
      HOLDFAST_EXPECTED_SCOPE_DIGESTS: 'abc',
      HOLDFAST_TYPO: '1',
    });
    const names = problems.map((problem) => problem.slice(0, problem.indexOf(':')));
    assert.deepEqual(names, [
      'HOLDFAST_LISTEN',
      'HOLDFAST_OPERATOR_TOKEN',
      'HOLDFAST_EXPECTED_SCOPE_DIGESTS',
      'HOLDFAST_TYPO',
      'HOLDFAST_AGENT_TOKEN_FILE',
      'HOLDFAST_TLS_CERT_FILE',
    ]);
    assert.ok(!problems.join().includes('short') && !problems.join().includes(token));
  });

  it('refuses token files that are missing, empty, or hold something else', () => {
    for (const path of [join(directory, 'none'), file('empty', '\n'), file('long', 'x'.repeat(5000))]) {
      const problems = problemsOf({ HOLDFAST_AGENT_TOKEN_FILE: path });
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, /^HOLDFAST_AGENT_TOKEN_FILE: /);
      assert.ok(!problems[0]!.includes('xxxx'));
    }
  });

  it('refuses one token for operator and agents', () => {
    assert.equal(problemsOf({ HOLDFAST_OPERATOR_TOKEN: token, HOLDFAST_AGENT_TOKEN: token }).length, 1);
  });

  it('refuses a configuration file that is missing or no YAML', () => {
    assert.match(problemsOf({}, { configFile: join(directory, 'none.yaml') })[0]!, /^--config: .*ENOENT/);
    assert.match(problemsOf({}, { configFile: file('bad.yaml', 'a: [1') })[0]!, /bad\.yaml: /);
    assert.match(
      problemsOf({}, { configFile: file('twice.yaml', 'logLevel: info\nlogLevel: warn') })[0]!,
      /unique/,
    );
  });

  it('listens where others can reach it only once a token exists', () => {
    const everywhere = { HOLDFAST_LISTEN: '0.0.0.0:9477' };
    assert.match(listenProblem(load(everywhere), false) ?? '', /^HOLDFAST_LISTEN: /);
    assert.equal(listenProblem(load(everywhere), true), null);
    assert.equal(listenProblem(load({ ...everywhere, HOLDFAST_OPERATOR_TOKEN: token }), false), null);
    assert.equal(listenProblem(load({ HOLDFAST_LISTEN: '[::1]:9477' }), false), null);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { httpUrl, listOf, oneOf, path, text, wholeNumber } from './option-parsers.ts';
import {
  type CrossCheck,
  describeOptions,
  environmentName,
  flagName,
  option,
  type OptionSources,
  readOptions,
} from './options.ts';

const table = {
  nodeName: option({ doc: 'Its name.', placeholder: 'NAME', parse: text(), default: 'here' }),
  retentionDays: option({
    doc: 'How long.',
    placeholder: 'DAYS',
    parse: wholeNumber({ min: 1, max: 100 }),
    default: 90,
  }),
  initialBaseline: option({
    doc: 'Policy.',
    placeholder: 'POLICY',
    parse: oneOf(['accept', 'pending']),
    default: 'accept',
  }),
  digests: option({ doc: 'Digests.', placeholder: 'LIST', parse: listOf(text()), default: [] }),
  lokiUrl: option({ doc: 'Where to.', placeholder: 'URL', parse: httpUrl() }),
  token: option({ doc: 'A token.', placeholder: 'TOKEN', parse: text(), secret: true }),
  tokenFile: option({ doc: 'File with it.', placeholder: 'FILE', parse: path() }),
};

function read(sources: Partial<OptionSources>, crossCheck?: CrossCheck<typeof table>) {
  return readOptions(table, { flags: {}, environment: {}, file: null, ...sources }, crossCheck);
}

function valuesOf(sources: Partial<OptionSources>) {
  const result = read(sources);
  assert.ok('values' in result, JSON.stringify(result));
  return result.values;
}

function problemsOf(sources: Partial<OptionSources>, crossCheck?: CrossCheck<typeof table>) {
  const result = read(sources, crossCheck);
  assert.ok('problems' in result);
  return result.problems;
}

const yaml = (content: unknown) => ({ name: 'collector.yaml', content });

describe('options', () => {
  it('takes flags before the environment, the environment before the file, and the file before the default', () => {
    const flags = { retentionDays: '1' };
    const environment = { HOLDFAST_RETENTION_DAYS: '2' };
    const file = yaml({ retentionDays: 3 });
    assert.equal(valuesOf({ flags, environment, file }).retentionDays, 1);
    assert.equal(valuesOf({ environment, file }).retentionDays, 2);
    assert.equal(valuesOf({ file }).retentionDays, 3);
    assert.equal(valuesOf({}).retentionDays, 90);
  });

  it('gives null for an option that has no default and is not set', () => {
    assert.equal(valuesOf({}).token, null);
    assert.equal(valuesOf({ file: yaml({ token: null }) }).token, null);
  });

  it('counts an empty variable as not set', () => {
    const environment = { HOLDFAST_RETENTION_DAYS: '' };
    assert.equal(valuesOf({ environment, file: yaml({ retentionDays: 3 }) }).retentionDays, 3);
  });

  it('reads a list from commas and from a list in the file alike', () => {
    assert.deepEqual(valuesOf({ environment: { HOLDFAST_DIGESTS: 'a, b,' } }).digests, ['a', 'b']);
    assert.deepEqual(valuesOf({ file: yaml({ digests: ['a', 'b'] }) }).digests, ['a', 'b']);
  });

  it('tells every problem at once, by the name that the user wrote', () => {
    const problems = problemsOf({
      flags: { initialBaseline: 'maybe' },
      environment: { HOLDFAST_RETENTION_DAYS: 'ninety', HOLDFAST_RETENTION_DAY: '1', HOLDFAST_WHATEVER: '1' },
      file: yaml({ lokiUrl: 'ftp://x', nodename: 'x', digests: { a: 1 } }),
    });
    assert.deepEqual(problems, [
      'HOLDFAST_RETENTION_DAYS: must be a whole number from 1 to 100 (got "ninety")',
      '--initial-baseline: must be one of accept, pending (got "maybe")',
      'digests in collector.yaml: must be a single value or a list of values',
      'lokiUrl in collector.yaml: must begin with http:// or https:// (got "ftp://x")',
      'HOLDFAST_RETENTION_DAY: is not an option; did you mean HOLDFAST_RETENTION_DAYS?',
      'HOLDFAST_WHATEVER: is not an option',
      'nodename in collector.yaml: is not an option; did you mean nodeName?',
    ]);
  });

  it('never shows a secret, neither as one nor in a URL', () => {
    const problems = problemsOf({
      environment: { HOLDFAST_TOKEN: ' ', HOLDFAST_LOKI_URL: 'https://me:hunter2@loki' },
    });
    assert.deepEqual(problems, [
      'HOLDFAST_LOKI_URL: must not hold a user or a password (got "https://…@loki")',
      'HOLDFAST_TOKEN: must not be blank (got a value that is not shown)',
    ]);
  });

  it('takes no secret from the command line', () => {
    assert.equal(valuesOf({ flags: { token: 'x' } }).token, null);
  });

  it('cuts a long value short in a problem', () => {
    const [problem] = problemsOf({ environment: { HOLDFAST_INITIAL_BASELINE: 'x'.repeat(5000) } });
    assert.ok(problem!.length < 200);
  });

  it('ignores what Kubernetes injects for services, and only that', () => {
    const link = {
      HOLDFAST_COLLECTOR_SERVICE_HOST: '10.0.0.1',
      HOLDFAST_COLLECTOR_SERVICE_PORT: '9477',
      HOLDFAST_COLLECTOR_SERVICE_PORT_HTTP: '9477',
      HOLDFAST_COLLECTOR_PORT: 'tcp://10.0.0.1:9477',
      HOLDFAST_COLLECTOR_PORT_9477_TCP: 'tcp://10.0.0.1:9477',
      HOLDFAST_COLLECTOR_PORT_9477_TCP_PROTO: 'tcp',
      HOLDFAST_COLLECTOR_PORT_9477_TCP_PORT: '9477',
      HOLDFAST_COLLECTOR_PORT_9477_TCP_ADDR: '10.0.0.1',
    };
    valuesOf({ environment: link });
    assert.equal(problemsOf({ environment: { HOLDFAST_COLLECTOR_PORT: '1' } }).length, 1);
    assert.equal(problemsOf({ environment: { ...link, HOLDFAST_COLLECTOR_PRT: '1' } }).length, 1);
  });

  it('refuses a file that is no mapping, and takes an empty one', () => {
    assert.equal(problemsOf({ file: yaml(['a']) }).length, 1);
    assert.equal(valuesOf({ file: yaml(null) }).nodeName, 'here');
  });

  it('does not take an inherited property for a key of the file', () => {
    assert.equal(problemsOf({ file: yaml({ toString: 'x' }) }).length, 1);
  });

  it('adds what is wrong between options, under the name the user gave', () => {
    const problems = problemsOf(
      { environment: { HOLDFAST_TOKEN: 'a' }, file: yaml({ tokenFile: '/t' }) },
      (values, nameOf) =>
        values.token && values.tokenFile ? [`${nameOf('tokenFile')}: excludes ${nameOf('token')}`] : [],
    );
    assert.deepEqual(problems, ['tokenFile in collector.yaml: excludes HOLDFAST_TOKEN']);
  });

  it('derives variable and flag from the name, and offers no flag for a secret', () => {
    assert.equal(environmentName('readMibPerSecond'), 'HOLDFAST_READ_MIB_PER_SECOND');
    assert.equal(flagName('readMibPerSecond'), '--read-mib-per-second');
    const described = describeOptions(table);
    assert.equal(described.find(({ name }) => name === 'token')?.flag, null);
    assert.equal(described.find(({ name }) => name === 'retentionDays')?.defaultText, '90');
    assert.equal(described.find(({ name }) => name === 'digests')?.defaultText, 'none');
  });
});

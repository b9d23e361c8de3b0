import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { routesOf } from '@holdfast/collector/app';
import { closeConnections } from './harness/api.ts';
import { CollectorApp } from './harness/collector-app.ts';

after(closeConnections);

interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      { summary: string; requestBody?: { content: Record<string, { schema: { properties?: object } }> } }
    >
  >;
}

test('/openapi.json is valid OpenAPI 3.1, and has every route', async () => {
  await using site = await CollectorApp.open();
  const { status, json } = await site.call('GET', '/openapi.json', { token: null });
  assert.equal(status, 200);
  const { valid, errors } = await new Validator().validate(structuredClone(json) as Record<string, unknown>);
  assert.ok(valid, JSON.stringify(errors, null, 2));
  const { paths } = json as Document;
  const shown = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(
    shown.sort(),
    routesOf(site.app)
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  );
});

test('a request that /openapi.json allows is one that validation allows, because both are one schema', async () => {
  await using site = await CollectorApp.open();
  const { paths } = (await site.call('GET', '/openapi.json')).json as Document;
  const bodyOf = (path: string) =>
    Object.keys(paths[path]?.['post']?.requestBody?.content['application/json']?.schema.properties ?? {});
  assert.deepEqual(bodyOf('/api/v1/nodes/{node}/baseline').includes('paths'), true);
  assert.ok(bodyOf('/api/v1/nodes/{node}/reports').includes('upserts'));
  const refused = await site.call('POST', '/api/v1/nodes/a/baseline', { body: { unheard: 1 } });
  assert.equal(refused.json.code, 'bad-request');
});

/**
 * `/openapi.json`: every route, from the schemas that validate its requests. OpenAPI 3.1 takes JSON Schema as it is, so
 * nothing is translated that could come to differ.
 */
import { problemCodes } from '@holdfast/shared/problem-codes';
import { Problem } from '@holdfast/shared/wire';
import type { FastifySchema } from 'fastify';
import { version } from '../version.ts';
import type { Route, RouteDescription } from './route.ts';
import { summaries } from './summaries.ts';

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

const methodsWithBody = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** `routes` is asked when the document is first wanted: all are registered by then. */
export function openApi(routes: () => readonly RouteDescription[]): Route {
  return (app) => {
    let document: object | undefined;
    app.get('/openapi.json', { config: { role: 'open', quiet: true } }, async () => {
      document ??= openApiDocument(routes());
      return document;
    });
  };
}

export function openApiDocument(routes: readonly RouteDescription[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast collector',
      version,
      description: 'Every route with its answers and an example: docs/api.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'holdfast-collector token create' },
      },
      schemas: { Problem },
      responses: {
        Problem: {
          description: `What went wrong. Codes: ${Object.keys(problemCodes).join(', ')}.`,
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

function operation({ method, path, role, schema }: RouteDescription): object {
  const body = schema.body as object | undefined;
  return {
    summary: summaries[`${method} ${path}`] ?? `${method} ${path}`,
    operationId: `${method} ${path}`.replaceAll(/[^A-Za-z0-9]+/g, '_').replaceAll(/^_|_$/g, ''),
    ...(role === 'open' ? {} : { security: [{ token: [] }], 'x-role': role }),
    parameters: [
      ...parameters('path', schema.params, true),
      ...parameters('query', schema.querystring, false),
      ...parameters('header', schema.headers, false),
    ],
    ...(body !== undefined && methodsWithBody.includes(method)
      ? { requestBody: { required: isRequired(body), content: { 'application/json': { schema: body } } } }
      : {}),
    responses: {
      '2XX': { description: 'It went well.' },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function parameters(place: 'path' | 'query' | 'header', given: unknown, isNeeded: boolean): object[] {
  const { properties = {}, required = [] } = (given ?? {}) as ObjectSchema;
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: place,
    required: isNeeded || required.includes(name),
    schema,
  }));
}

/** A body without members that it must have may be left out. */
function isRequired(body: object): boolean {
  const { required, properties } = body as ObjectSchema;
  return properties === undefined || (required?.length ?? 0) > 0;
}

/** What is known of a route's requests. */
export type RequestSchema = Pick<FastifySchema, 'params' | 'querystring' | 'headers' | 'body'>;

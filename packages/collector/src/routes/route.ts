/** What every route is given, and the Fastify instance as the routes see it. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { NodeName } from '@holdfast/shared/wire';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import * as Type from 'typebox';
import type { Identity, RouteRole } from '#core/auth';
import type { NodeQuota } from '#core/node-quota';
import type { Millis } from '#core/node-state';
import type { NodeTokens } from '#kubernetes/node-tokens';
import type { CollectorMetrics } from '#outputs/collector-metrics';
import type { Store } from '#store/store';
import type { Started, SweepAsk } from '#sweep/sweeper';
import type { CollectorConfig } from '../config.ts';
import type { Storage } from '../watch-storage.ts';
import type { RequestSchema } from './openapi.ts';
import type { Liveness } from './liveness.ts';
import type { Readiness } from './readiness.ts';

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface RouteContext {
  readonly store: Store;
  readonly config: CollectorConfig;
  readonly metrics: CollectorMetrics;
  readonly clock: () => Millis;
  /** Milliseconds from any origin, never going back. */
  readonly monotonic: () => number;
  /** Null where tokens of Kubernetes are not taken. */
  readonly nodeTokens: NodeTokens | null;
  readonly quota: NodeQuota;
  readonly readiness: Readiness;
  readonly liveness: Liveness;
  readonly sweeping: Sweeping;
  readonly storage: Storage;
  readonly jobs: { readonly wake: () => void };
  /** Aborted when the collector stops; whatever waits on behalf of a caller ends then. */
  readonly stopping: AbortSignal;
}

/** What routes may do about sweeps. */
export interface Sweeping {
  /** Null where no source of stacks is configured. */
  readonly start: ((ask: SweepAsk) => Promise<Started>) | null;
  /** To be called when the results of a sweep were taken: others are told of them. */
  readonly onEnd: () => void;
}

export type Route = (app: App, context: RouteContext) => void;

/** A route as the documentation names it: `/api/v1/nodes/{node}`. */
export interface RouteDescription {
  readonly method: string;
  readonly path: string;
  readonly role: RouteRole;
  readonly schema: RequestSchema;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route. Every route says it; a route that does not is refused at registration. */
    role?: RouteRole;
    /** Logged at debug when it went well: heartbeats, probes and scrapes would drown what people did. */
    quiet?: boolean;
    /** The schema of a body that the route reads and checks itself. */
    body?: object;
  }
  interface FastifyRequest {
    /** Null on open routes. */
    identity: Identity | null;
  }
}

export const NodeParams = Type.Object({ node: NodeName });

/** The name that the audit gives the caller of a route that needs a token. */
export function callerName(request: { readonly identity: Identity | null }): string {
  if (request.identity === null) throw new Error('an open route has no caller to name');
  return request.identity.name;
}

/** RFC 3339 in UTC, milliseconds. */
export function timestamp(at: Millis): string;
export function timestamp(at: Millis | null): string | null;
export function timestamp(at: Millis | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** What the routes by which an operator acts on one node have in common: a reason that may be left out. */
import * as Type from 'typebox';
import { emptyObjectForNoBody } from './json-body.ts';
import { callerName, NodeParams } from './route.ts';

export const maxReasonLength = 1000;

/** Why the caller does it; kept in the audit. */
export const Reason = Type.String({ minLength: 1, maxLength: maxReasonLength });

const ReasonBody = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });

export const operatorActs = {
  config: { role: 'operator' },
  schema: { params: NodeParams, body: ReasonBody },
  preValidation: emptyObjectForNoBody,
} as const;

/** Who asks, and why. */
export function askedBy(request: {
  readonly identity: Parameters<typeof callerName>[0]['identity'];
  readonly body: { readonly reason?: string };
}): { readonly who: string; readonly reason: string | null } {
  return { who: callerName(request), reason: request.body.reason ?? null };
}

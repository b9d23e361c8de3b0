import { Type } from 'typebox';

export const maxReasonLength = 1000;

/** Why the caller does it; kept in the audit. */
export const Reason = Type.String({ minLength: 1, maxLength: maxReasonLength });

export const ReasonBody = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });

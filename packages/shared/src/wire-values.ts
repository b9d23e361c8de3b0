/** The values that several messages between agent and collector are made of. */
import * as Type from 'typebox';

export const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' });
/** RFC 3339 in UTC, milliseconds. What looks like a time and is none would be NaN wherever it is reckoned with. */
export const Timestamp = Type.String({
  pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{3}Z$',
});
export const PathText = Type.String({ minLength: 1, maxLength: 12_288, pattern: '^/' });
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const Label = Type.String({ maxLength: 200 });
export const Sentence = Type.String({ maxLength: 1000 });
/** 16 random bytes in hex: an instance, a journal, a run. */
export const RandomId = Type.String({ pattern: '^[0-9a-f]{32}$' });

export const strict = { additionalProperties: false } as const;

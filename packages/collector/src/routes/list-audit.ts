import * as Type from 'typebox';
import { type Route, timestamp } from './route.ts';

export const maxAuditPerPage = 1000;

const Query = Type.Object(
  {
    before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxAuditPerPage })),
  },
  { additionalProperties: false },
);

export const listAudit: Route = (app, { store }) => {
  app.get(
    '/api/v1/audit',
    { config: { role: 'viewer' }, schema: { querystring: Query } },
    async ({ query: { before = null, limit = 100 } }) => {
      const found = await store.audit(before, limit + 1);
      const records = found.slice(0, limit);
      return {
        audit: records.map((record) => ({ ...record, at: timestamp(record.at) })),
        next: found.length > limit ? (records.at(-1)?.id ?? null) : null,
      };
    },
  );
};

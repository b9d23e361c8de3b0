import * as Type from 'typebox';
import type { Route } from './route.ts';
import { windowAnswer } from './window-answer.ts';

const maxWindowsPerPage = 100;

const Query = Type.Object(
  { before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })) },
  { additionalProperties: false },
);

/** Windows in which changes are or were expected, the newest first. */
export const listWindows: Route = (app, { store, clock }) => {
  app.get(
    '/api/v1/windows',
    { config: { role: 'viewer' }, schema: { querystring: Query } },
    async ({ query: { before = null } }) => {
      const now = clock();
      const windows = await store.windows.list(before, maxWindowsPerPage);
      return {
        windows: windows.map((window) => windowAnswer(window, now)),
        next: windows.length === maxWindowsPerPage ? (windows.at(-1)?.id ?? null) : null,
      };
    },
  );
};

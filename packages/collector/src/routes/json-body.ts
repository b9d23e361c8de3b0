import { ProblemError } from './problem.ts';
import type { App } from './route.ts';

/** Reads every body as JSON, whatever its Content-Type says: `curl -d` says "form" unless it is told otherwise. */
export function readBodiesAsJson(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, text: string) => {
    if (text.trim() === '') return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new ProblemError('bad-request', 'The body is not JSON.');
    }
  });
}

/** For routes whose body may be left out: they see an empty object then. */
export async function emptyObjectForNoBody(request: { body: unknown }): Promise<void> {
  if (request.body === undefined) request.body = {};
}

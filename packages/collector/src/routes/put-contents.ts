/** Takes the scrubbed text of a few small files, so that a drift can show what changed inside. */
import { hash } from 'node:crypto';
import { type ContentAnswer, ContentIndex, isContentDenied, maxContentBytes } from '@holdfast/shared/content';
import { NodeName } from '@holdfast/shared/wire';
import { Digest } from '@holdfast/shared/wire-values';
import * as Type from 'typebox';
import { refuseOverQuota } from './admit-report.ts';
import { ProblemError } from './problem.ts';
import { NodeParams, type Route } from './route.ts';

/** The longest paths there are, a thousand of them, would not fit: no node has such. */
const maxIndexBytes = 1024 * 1024;
/** Scrubbing makes a text a little longer at times. */
const maxTextBytes = 2 * maxContentBytes;

const TextParams = Type.Object({ node: NodeName, digest: Digest });

export const putContents: Route = (app, context) => {
  const { store, clock, storage, quota, monotonic } = context;
  const admit = (node: string, bytes: number) => {
    refuseOverQuota(node, context);
    if (storage.isNearlyFull)
      throw new ProblemError('disk-nearly-full', 'There is no room for contents at present.');
    quota.usedBytes(node, bytes, monotonic());
  };

  app.put(
    '/api/v1/nodes/:node/contents',
    {
      config: { role: 'agent', quiet: true },
      schema: { params: NodeParams, body: ContentIndex },
      bodyLimit: maxIndexBytes,
    },
    async ({ params, body, headers }): Promise<ContentAnswer> => {
      admit(params.node, Number(headers['content-length'] ?? maxIndexBytes));
      // An honest agent sends none of these; whoever does is not to fill our database with secrets.
      const contents = body.contents.filter(({ path }) => !isContentDenied(path));
      const missing = await store.contents.tell(params.node, contents, clock());
      if (missing === null) throw new ProblemError('node-unknown', `No node ${params.node} has reported.`);
      return { missing };
    },
  );

  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, text: string) => text);
    scope.put(
      '/api/v1/nodes/:node/contents/:digest',
      {
        config: { role: 'agent', quiet: true },
        schema: { params: TextParams, body: Type.String() },
        bodyLimit: maxTextBytes,
      },
      async (request): Promise<ContentAnswer> => {
        const { node, digest } = request.params as { node: string; digest: string };
        const text = request.body as string;
        admit(node, Buffer.byteLength(text));
        if (hash('sha256', text) !== digest) {
          throw new ProblemError('bad-request', 'The body is not the text of this digest.');
        }
        if (!(await store.contents.addText(node, digest, text))) {
          throw new ProblemError('not-found', `${node} has told of no file with this text.`);
        }
        return { missing: [] };
      },
    );
  });
};

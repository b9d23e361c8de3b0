/**
 * AIDE's databases by digest. A node brings what its runs make and fetches what the next is to be checked against; it
 * sees its own only. What is kept has been read through: whole, and of the digest that it goes by.
 */
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { readAideDatabase } from '@holdfast/shared/aide-database';
import { rowOf } from '@holdfast/shared/aide-row';
import { NodeName } from '@holdfast/shared/wire';
import { maxAideDatabaseBytesPacked, maxAideDatabaseBytesUnpacked } from '@holdfast/shared/wire-aide';
import { Digest } from '@holdfast/shared/wire-values';
import * as Type from 'typebox';
import { refuseOverQuota } from './admit-report.ts';
import { knownNode } from './node-answer.ts';
import { ProblemError } from './problem.ts';
import { ReportBodyReader, type ReportBodyLimits, reportBodyLimits } from './report-body.ts';
import { type Route } from './route.ts';

const path = '/api/v1/nodes/:node/aide/databases/:digest';
const schema = { params: Type.Object({ node: NodeName, digest: Digest }) };

export const aideDatabaseBodyLimits: ReportBodyLimits = {
  ...reportBodyLimits,
  packedBytes: maxAideDatabaseBytesPacked,
  unpackedBytes: maxAideDatabaseBytesUnpacked,
  what: 'A database of AIDE',
};

const pack = promisify(zstdCompress);
const unpack = promisify(zstdDecompress);

/** 204: it is kept. Bringing it again changes nothing. */
export const putAideDatabase: Route = (app, context) => {
  const { store, clock, storage, quota, monotonic } = context;
  const reader = new ReportBodyReader(aideDatabaseBodyLimits);
  void app.register(async (scope) => {
    // The body stays a stream, as that of a report does.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.put(path, { config: { role: 'agent' }, schema }, async (request, reply) => {
      const { node, digest } = request.params as { node: string; digest: string };
      await liveNode(store, node);
      refuseOverQuota(node, context);
      if (storage.isNearlyFull) {
        throw new ProblemError('disk-nearly-full', 'The disk has less free than HOLDFAST_MIN_FREE_MIB.');
      }
      using body = await reader.read(request.raw);
      quota.usedBytes(node, Buffer.byteLength(body.text), monotonic());
      const { entries, bytes } = examined(body.text, digest);
      const packed = await pack(body.text);
      if (!(await store.aide.putDatabase(node, { digest, entries, bytes, packed }, clock()))) {
        throw new ProblemError('node-unknown', `No node called ${node} has reported to this collector.`);
      }
      return reply.code(204).send();
    });
  });
};

export const getAideDatabase: Route = (app, { store }) => {
  app.get(path, { config: { role: 'agent' }, schema }, async (request, reply) => {
    const { node, digest } = request.params;
    await liveNode(store, node);
    const packed = await store.aide.database(node, digest);
    if (packed === null) throw new ProblemError('not-found', `${node} has no AIDE database ${digest}.`);
    const takesZstd = /(?:^|[\s,])zstd(?:[\s,;]|$)/.test(request.headers['accept-encoding'] ?? '');
    reply.type('text/plain; charset=us-ascii').header('vary', 'accept-encoding');
    if (takesZstd) return reply.header('content-encoding', 'zstd').send(packed);
    return reply.send(await unpack(packed));
  });
};

async function liveNode(store: Parameters<typeof knownNode>[0], node: string): Promise<void> {
  const { state } = await knownNode(store, node);
  if (state.deletedAt !== null) throw new ProblemError('node-deleted', `${node} was deleted by an operator.`);
}

/** Throws the problem `invalid-aide-database`. */
function examined(text: string, digest: string): { readonly entries: number; readonly bytes: number } {
  const actual = hash('sha256', text);
  if (actual !== digest) {
    throw new ProblemError('invalid-aide-database', `The text has the digest ${actual}.`);
  }
  const database = readAideDatabase(text);
  if (typeof database === 'string') throw new ProblemError('invalid-aide-database', `${database}.`);
  try {
    for (const line of database.rows.values()) rowOf(line, database.spec);
  } catch (error) {
    throw new ProblemError('invalid-aide-database', `${(error as Error).message}.`);
  }
  return { entries: database.rows.size, bytes: text.length };
}

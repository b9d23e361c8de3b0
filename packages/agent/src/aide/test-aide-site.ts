/** A node with a real AIDE engine over a tree of its own, and a collector that keeps databases and nothing else. */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Manifest } from '@holdfast/shared/manifest';
import { checkScope, compileScope, type Scope } from '@holdfast/shared/scope';
import type { AideBaseline, AideReport } from '@holdfast/shared/wire-aide';
import { openAideDatabases } from '#io/aide-databases';
import { startObserver } from '../observe/observer.ts';
import { quietLog } from '../observe/quiet-log.ts';
import { type AideEngine, startAideEngine } from './aide-engine.ts';

export interface AideSite {
  readonly stateDirectory: string;
  /** By digest; a test may alter them. */
  readonly databases: Map<string, Buffer>;
  readonly requests: string[];
  readonly engine: AideEngine;
  /** What our own engine sees. */
  readonly manifest: Manifest;
  /** Where the reported path `path` lies. */
  readonly at: (path: string) => string;
  /** From now on AIDE is a script: `lines` before it is started, with `$AIDE` for the real one. */
  become(lines: string): void;
  /** Looks at the tree, runs AIDE, and answers what is told. */
  look(): Promise<AideReport>;
  /** What the newest run made becomes the baseline, be it that of another site. */
  accept(of?: AideSite): void;
}

export const realAide = '/usr/bin/aide';

export interface AideSiteOptions {
  readonly scope?: Omit<Scope, 'version'>;
  readonly timeLimitMs?: number;
  /** Default: the real one. */
  readonly script?: string;
}

export async function aideSite(t: TestContext, options: AideSiteOptions = {}): Promise<AideSite> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-aide-site-'));
  const parts = new AsyncDisposableStack();
  t.after(async () => {
    await parts.disposeAsync();
    rmSync(directory, { recursive: true, force: true });
  });
  const [hostRoot, stateDirectory, binary] = ['root', 'state', 'aide'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  mkdirSync(join(hostRoot, 'etc/dir'), { recursive: true });
  mkdirSync(stateDirectory);
  for (const name of ['a', 'b', 'c', 'dir/d']) writeFileSync(join(hostRoot, 'etc', name), name);
  const become = (lines: string): void => {
    writeFileSync(binary, `#!/bin/sh\nAIDE=${realAide}\n${lines}\nexec "$AIDE" "$@"\n`);
    chmodSync(binary, 0o755);
  };
  become(options.script ?? '');
  const { url, databases, requests } = await databaseServer(parts);
  const scope = compileScope(checkScope({ version: 1, paths: [{ path: '/etc' }], ...options.scope }));
  const observer = await startObserver({
    scope,
    hostRoot,
    maxFileMib: 1,
    log: quietLog,
    settleMs: 20,
    metadataScanSeconds: 3600,
    fullScanCron: '0 3 * * *',
    readMibPerSecond: 0,
    startDelayMs: 0,
    startAtFullSpeed: true,
  });
  parts.use(observer);
  const client = parts.use(
    await openAideDatabases({ url, node: 'node-1', token: { value: 'hf_agent_test' }, clock: Date.now }),
  );
  const engine = parts.use(
    await startAideEngine({
      search: { binary, searchPath: process.env['PATH'] ?? '' },
      cron: '0 3 1 1 *',
      startDelayMs: 3_600_000,
      timeLimitMs: options.timeLimitMs ?? 60_000,
      hostRoot,
      stateDirectory,
      observation: observer,
      databases: client,
      log: quietLog,
      clock: Date.now,
    }),
  );
  let baseline: AideBaseline | null = null;
  const site: AideSite = {
    stateDirectory,
    databases,
    requests,
    engine,
    get manifest() {
      return observer.manifest!;
    },
    at: (path) => join(hostRoot, path),
    become,
    async look() {
      await observer.rescan();
      engine.takeBaseline(baseline);
      await engine.run();
      return engine.report;
    },
    accept(of = site) {
      const { run, version } = of.engine.report;
      if (!run?.database || version === null) throw new Error('there is nothing to accept');
      databases.set(run.database, of.databases.get(run.database)!);
      baseline = { digest: run.database, configDigest: run.configDigest, aideVersion: version };
    },
  };
  return site;
}

/** As the collector serves them: packed with zstd, refused where the digest is another. */
async function databaseServer(
  parts: AsyncDisposableStack,
): Promise<{ url: string; databases: Map<string, Buffer>; requests: string[] }> {
  const databases = new Map<string, Buffer>();
  const requests: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<unknown> => {
    const digest = request.url?.split('/').at(-1) ?? '';
    requests.push(`${request.method} ${digest}`);
    if (request.method === 'PUT') {
      const text = zstdDecompressSync(await buffer(request));
      if (hash('sha256', text) !== digest) return response.writeHead(422).end();
      databases.set(digest, text);
      return response.writeHead(204).end();
    }
    const text = databases.get(digest);
    if (text) return response.writeHead(200, { 'content-encoding': 'zstd' }).end(zstdCompressSync(text));
    const problem = { type: 'about:blank', title: 'x', status: 404, code: 'not-found', detail: 'x' };
    return response.writeHead(404).end(JSON.stringify(problem));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  parts.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, databases, requests };
}

/** How connections to the collector are made: in time, and trusted by the CA file as it is when they are made. */
import { readFile, stat } from 'node:fs/promises';
import { buildConnector } from 'undici';

type Connector = buildConnector.connector;

/**
 * `caFile`: PEM, in the place of the system's store. It is read again for a new connection when it has changed; while it cannot be
 * read, what was read last holds. Rejects if it cannot be read now.
 */
export async function collectorConnector(caFile: string | undefined, timeoutMs: number): Promise<Connector> {
  const build = (ca?: string) =>
    buildConnector({ timeout: timeoutMs, allowH2: false, ...(ca === undefined ? {} : { ca }) });
  if (caFile === undefined) return build();
  let mark = await markOf(caFile);
  let connect = build(await readFile(caFile, 'utf8'));
  const renew = async () => {
    const present = await markOf(caFile);
    if (present === mark) return;
    connect = build(await readFile(caFile, 'utf8'));
    mark = present;
  };
  return (options, callback) => {
    renew()
      .catch(() => undefined)
      .then(() => connect(options, callback))
      .catch((error: unknown) => callback(error as Error, null));
  };
}

/** Differs once the file was written or replaced. */
async function markOf(file: string): Promise<string> {
  const { ino, mtimeMs, size } = await stat(file);
  return `${ino} ${mtimeMs} ${size}`;
}

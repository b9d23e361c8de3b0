import { once } from 'node:events';
import { createServer } from 'node:net';
import { type DoctorFinding, fail, ok } from '@holdfast/shared/doctor-finding';
import { DirectoryInUseError, lockDirectory } from '#store/directory-lock';
import type { CollectorConfig } from '../../config.ts';

/** Whether the address is free; it need not be where a collector is running on this data directory. */
export async function checkListen({ listen, dataDir }: CollectorConfig): Promise<DoctorFinding> {
  const address = `${listen.host}:${listen.port}`;
  const server = createServer();
  try {
    server.listen(listen.port, listen.host);
    await once(server, 'listening');
    return ok('address', `${address} is free`);
  } catch (error) {
    if (isRunning(dataDir)) return ok('address', `a collector is running on ${dataDir}`);
    const { code, message } = error as NodeJS.ErrnoException;
    return fail('address', `cannot listen on ${address}: ${code ?? message}`, 'set HOLDFAST_LISTEN');
  } finally {
    server.close();
  }
}

function isRunning(dataDir: string): boolean {
  try {
    lockDirectory(dataDir)[Symbol.dispose]();
    return false;
  } catch (error) {
    return error instanceof DirectoryInUseError;
  }
}

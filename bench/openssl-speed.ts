/** How fast this machine can hash at all, by the measure that everyone knows. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const seconds = 2;

/** sha256 over 16 KiB blocks on every core that this process may use; million bytes a second. */
export function opensslMegabytesPerSecond(): number {
  const args = ['speed', '-seconds', String(seconds), '-evp', 'sha256', '-bytes', '16384'];
  const { error, stdout, stderr } = spawnSync(
    'openssl',
    [...args, '-multi', String(availableParallelism())],
    { encoding: 'utf8' },
  );
  if (error) throw new Error('the scan bench needs openssl: apt-get install -y openssl', { cause: error });
  const kilobytes = /^sha256\s+([\d.]+)k\s*$/m.exec(stdout)?.[1];
  if (!kilobytes) throw new Error(`cannot read what openssl speed printed:\n${stdout}${stderr}`);
  return Number(kilobytes) / 1000;
}

/** What deploy/systemd/install.sh is tried with. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from './process.ts';

export const systemdFiles = join(projectRoot, 'deploy/systemd');
export const installer = join(systemdFiles, 'install.sh');

/** Of which the installer asks nothing but the version. */
export function fakeNode(directory: string): string {
  const path = join(directory, 'node');
  writeFileSync(path, '#!/bin/sh\necho 24\n', { mode: 0o755 });
  return path;
}

/**
 * A new directory where the collector's unit sees a Node, so neither in a home directory nor in /tmp, and where this
 * user can run one; null where there is no such place. The caller removes it.
 */
export function makeNodeDirectory(): string | null {
  for (const place of ['/opt', projectRoot, '/dev/shm']) {
    const directory = tryNodeDirectory(place);
    if (directory !== null) return directory;
  }
  return null;
}

function tryNodeDirectory(place: string): string | null {
  if (/^\/(?:root|home|run\/user|tmp|var\/tmp)(?:\/|$)/.test(realpathSync(place))) return null;
  let directory: string;
  try {
    directory = mkdtempSync(join(place, 'holdfast-node-'));
  } catch {
    return null; // not writable
  }
  if (spawnSync(fakeNode(directory)).status === 0) return directory;
  rmSync(directory, { recursive: true });
  return null; // mounted noexec
}

/** Of the names that a build has; what the installer does with the files does not depend on what is in them. */
export async function fakeBuild(path: string): Promise<string> {
  mkdirSync(join(path, 'prebuilds'), { recursive: true });
  const addons = ['linux-x64', 'linux-arm64', 'linuxmusl-x64', 'linuxmusl-arm64'];
  const names = ['holdfast-agent', 'collector.cjs', ...addons.map((name) => `prebuilds/${name}.node`)];
  for (const name of names) await writeFile(join(path, name), `#!/bin/true ${name}\n`);
  await chmod(join(path, 'holdfast-agent'), 0o755);
  const sums = spawnSync('sha256sum', names, { cwd: path, encoding: 'utf8' });
  await writeFile(join(path, 'SHA256SUMS'), sums.stdout);
  return path;
}

/** Answers git's question for user and password from the environment of that one git. */
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const script = `#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$HOLDFAST_GIT_USER" ;;
  *) printf '%s\\n' "$HOLDFAST_GIT_PASSWORD" ;;
esac
`;

/** Path of a program that git can run. It holds no secret. */
export async function writeAskpass(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'askpass');
  const fresh = `${file}.new`;
  await writeFile(fresh, script, { mode: 0o755 });
  await chmod(fresh, 0o755);
  await rename(fresh, file);
  return file;
}

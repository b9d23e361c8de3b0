/** Where a program is: a shell between us and it would say so only with words. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** `directory` is where a path that is not absolute begins. */
export async function findProgram(
  program: string,
  directory: string,
  path = '',
): Promise<{ readonly file: string } | { readonly problem: string }> {
  const places = program.includes('/') ? [''] : path.split(':');
  let problem = 'ENOENT';
  for (const place of places) {
    const file = resolve(directory, place, program);
    try {
      await access(file, constants.X_OK);
      if ((await stat(file)).isFile()) return { file };
      problem = 'EACCES';
    } catch (error) {
      const { code = 'ENOENT' } = error as NodeJS.ErrnoException;
      if (code === 'EACCES') problem = code;
    }
  }
  return { problem };
}

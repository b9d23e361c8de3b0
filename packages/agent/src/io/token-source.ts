/** The bearer token: a value, or a file that is read again when it changes (projected tokens rotate). */
import { readFile, stat } from 'node:fs/promises';

export type TokenOptions = { readonly value: string } | { readonly file: string };

export const maxTokenLength = 16 * 1024;

export class TokenError extends Error {
  readonly code = 'token-unusable';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenError';
  }
}

/** Gives the token as it is now. Rejects with {@link TokenError}; its message never holds the token. */
export type TokenSource = () => Promise<string>;

export function tokenSource(options: TokenOptions): TokenSource {
  if ('value' in options) {
    const token = checked(options.value, 'the token');
    return () => Promise.resolve(token);
  }
  const { file } = options;
  let known: { readonly mark: string; readonly token: string } | null = null;
  return async () => {
    try {
      const { ino, mtimeMs, size } = await stat(file);
      const mark = `${ino} ${mtimeMs} ${size}`;
      if (known?.mark !== mark) {
        if (size > maxTokenLength) throw new TokenError(`the token file ${file} is too large`);
        known = { mark, token: checked(await readFile(file, 'utf8'), `the token file ${file}`) };
      }
      return known.token;
    } catch (cause) {
      if (cause instanceof TokenError) throw cause;
      throw new TokenError(`the token file ${file} cannot be read: ${(cause as Error).message}`, { cause });
    }
  };
}

function checked(text: string, what: string): string {
  const token = text.trim();
  if (token === '') throw new TokenError(`${what} is empty`);
  if (token.length > maxTokenLength || !/^[\x21-\x7e]+$/.test(token)) {
    throw new TokenError(`${what} does not hold a bearer token`);
  }
  return token;
}

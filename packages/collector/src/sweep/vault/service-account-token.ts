/** The pod's own token, as the kubelet keeps it in a file. It rotates, so it is read again each time it is needed. */
import { readFile } from 'node:fs/promises';
import { VaultError } from './vault-api.ts';

const maxTokenBytes = 16 * 1024;

/** Throws {@link VaultError} if the file cannot be read, or if the token is meant for another audience. */
export async function readServiceAccountToken(file: string, audience: string | null): Promise<string> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new VaultError(
      `the service-account token ${file} cannot be read: ${code ?? 'unknown reason'}`,
      null,
    );
  }
  if (text === '' || text.length > maxTokenBytes) {
    throw new VaultError(`${file} must hold a service-account token and nothing else`, null);
  }
  if (audience !== null) {
    const found = audiencesOf(text);
    if (!found.includes(audience)) {
      throw new VaultError(
        `the service-account token ${file} is meant for ${found.join(', ') || 'no audience'}, not for ${audience}: ` +
          'give the projected volume that audience',
        null,
      );
    }
  }
  return text;
}

/** The `aud` of a JWT. Its signature is for Vault to check. */
function audiencesOf(jwt: string): string[] {
  try {
    const payload = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as {
      aud?: unknown;
    };
    return [payload.aud].flat().filter((each) => typeof each === 'string');
  } catch {
    return [];
  }
}

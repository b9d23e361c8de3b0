import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';
import type { CollectorConfig } from '../../config.ts';

const name = 'certificate';
const dayMs = 86_400_000;
const soonDays = 14;

/** Whether certificate and key can be read, belong together, and for how long they are good. */
export async function checkTls(tls: CollectorConfig['tls'], now: number): Promise<DoctorFinding[]> {
  if (tls === null) return [];
  try {
    const [cert, key] = await Promise.all([readFile(tls.certFile), readFile(tls.keyFile)]);
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      return [
        fail(
          name,
          `${tls.keyFile} is not the key of ${tls.certFile}`,
          'put a pair that belongs together in their place',
        ),
      ];
    const left = Math.floor((certificate.validToDate.getTime() - now) / dayMs);
    const what = `${tls.certFile} is good until ${certificate.validToDate.toISOString()}`;
    if (left < 0) return [fail(name, what, 'renew it; it is read again when the file changes')];
    return [
      left < soonDays ? warn(name, what, 'renew it; it is read again when the file changes') : ok(name, what),
    ];
  } catch (error) {
    return [fail(name, (error as Error).message, 'see HOLDFAST_TLS_CERT_FILE and HOLDFAST_TLS_KEY_FILE')];
  }
}

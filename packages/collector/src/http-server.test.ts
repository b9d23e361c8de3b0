import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { pino } from 'pino';
import { needTool } from '../../../test/need.ts';
import { waitFor } from '../../../test/harness/wait.ts';
import { httpLimits, prepareServer } from './http-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const files = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') };
const log = pino({ level: 'silent' });

function makeCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-days', '1', '-nodes', '-x509', '-newkey', 'ec'];
  const curve = ['-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const to = ['-keyout', files.keyFile, '-out', files.certFile];
  execFileSync('openssl', ['req', ...subject, ...curve, ...to], { stdio: 'ignore' });
}

/** Whom the server says it is. */
function commonName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('the server with TLS', { skip: needTool('openssl', 'apt-get install -y openssl') }, () => {
  it('takes a new certificate while it runs, and keeps the old one while the new one is broken', async () => {
    makeCertificate('first');
    using prepared = await prepareServer(files, log, { ...httpLimits, certificateCheckMs: 20 });
    const server = prepared.factory((_request, response) => response.end(), {}) as Server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      assert.equal(await commonName(port), 'first');
      writeFileSync(files.certFile, 'not a certificate');
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(await commonName(port), 'first');
      makeCertificate('second');
      await waitFor('the new certificate', async () => (await commonName(port)) === 'second');
    } finally {
      server.close();
    }
  });

  it('does not start without a certificate that can be read', async () => {
    await assert.rejects(prepareServer({ ...files, keyFile: join(directory, 'none') }, log), /ENOENT/);
  });
});

/**
 * The part of a Kubernetes API server that knows tokens: TokenReview, its public keys, pods. It speaks the protocol over
 * TLS, as strict about methods, types and the caller's own token as the real one, and signs with real keys.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose';

export const issuer = 'https://kubernetes.default.svc.cluster.local';
/** With which the collector asks. */
const callersToken = 'the-collectors-own-token';

export interface TokenSpec {
  readonly node?: string | null;
  readonly namespace?: string;
  readonly account?: string;
  readonly pod?: string;
  readonly audience?: string;
  readonly issuer?: string;
  /** Seconds from now. */
  readonly expiresIn?: number;
}

interface SigningKey {
  readonly kid: string;
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  readonly jwk: JWK;
}

export class KubernetesDouble implements AsyncDisposable {
  readonly directory: string;
  readonly url: string;
  readonly #server: Server;
  #keys: SigningKey[] = [];
  /** Tokens of pods that are gone. */
  readonly revoked = new Set<string>();
  /** By namespace/name. */
  readonly pods = new Map<string, { uid: string; nodeName: string; serviceAccountName: string }>();
  /** What was asked: method and path. */
  readonly asked: string[] = [];
  /** How it misbehaves, if it does. */
  trouble: 'none' | 'silent' | 'garbage' | 'forbidden' | 'failing' = 'none';

  static async start(): Promise<KubernetesDouble> {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-kubernetes-'));
    const certificate = ['-subj', '/CN=kubernetes', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
    const key = ['-nodes', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const [keyFile, caFile] = [join(directory, 'tls.key'), join(directory, 'ca.crt')];
    execFileSync('openssl', ['req', ...certificate, ...key, '-keyout', keyFile, '-out', caFile], {
      stdio: 'ignore',
    });
    writeFileSync(join(directory, 'token'), `${callersToken}\n`);
    const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(caFile) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const double = new KubernetesDouble(directory, server);
    await double.rotateKeys();
    return double;
  }

  private constructor(directory: string, server: Server) {
    this.directory = directory;
    this.#server = server;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** The collector's options for asking this server. */
  get environment(): Record<string, string> {
    return {
      HOLDFAST_KUBERNETES_AUTH: 'token-review',
      HOLDFAST_KUBERNETES_API_URL: this.url,
      HOLDFAST_KUBERNETES_API_CA_FILE: join(this.directory, 'ca.crt'),
      HOLDFAST_KUBERNETES_API_TOKEN_FILE: join(this.directory, 'token'),
    };
  }

  /** From now on, tokens are signed with another key; the keys before are forgotten. */
  async rotateKeys(algorithm = 'RS256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const kid = `key-${this.#keys.length}-${Math.random().toString(16).slice(2)}`;
    this.#keys = [
      { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } },
    ];
  }

  get jwks(): { keys: JWK[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** A projected service-account token, as a kubelet of this cluster would get it. */
  async token(spec: TokenSpec = {}): Promise<string> {
    const { namespace = 'holdfast', account = 'holdfast-agent', pod = 'agent-x', node = 'worker-1' } = spec;
    const { kid, privateKey, jwk } = this.#keys[0]!;
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      'kubernetes.io': {
        namespace,
        ...(node === null ? {} : { node: { name: node, uid: `uid-of-${node}` } }),
        pod: { name: pod, uid: `uid-of-${pod}` },
        serviceaccount: { name: account, uid: `uid-of-${account}` },
      },
    })
      .setProtectedHeader({ alg: jwk.alg!, kid })
      .setIssuer(spec.issuer ?? issuer)
      .setSubject(`system:serviceaccount:${namespace}:${account}`)
      .setAudience([spec.audience ?? 'holdfast'])
      .setIssuedAt(now - 10)
      .setNotBefore(now - 10)
      .setJti(crypto.randomUUID())
      .setExpirationTime(now + (spec.expiresIn ?? 600))
      .sign(privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(`${request.method} ${request.url}`);
    const body = await text(request);
    if (this.trouble === 'silent') return;
    const send = (status: number, value: unknown, type = 'application/json') =>
      response.writeHead(status, { 'content-type': type }).end(JSON.stringify(value));
    if (this.trouble === 'garbage') response.writeHead(200).end('<html>');
    else if (this.trouble === 'failing') send(500, { kind: 'Status', status: 'Failure' });
    else if (request.headers.authorization !== `Bearer ${callersToken}`) send(401, { kind: 'Status' });
    else if (this.trouble === 'forbidden') send(403, { kind: 'Status', reason: 'Forbidden' });
    else if (request.method === 'POST' && request.url === '/apis/authentication.k8s.io/v1/tokenreviews')
      send(201, await this.#review(JSON.parse(body)));
    else if (request.url === '/openid/v1/jwks') {
      if (!request.headers.accept?.includes('application/jwk-set+json')) send(406, {});
      else send(200, this.jwks, 'application/jwk-set+json');
    } else this.#answerPod(request.url ?? '', send);
  }

  async #review(review: { spec: { token: string; audiences: string[] } }) {
    const { token, audiences } = review.spec;
    const head = { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec: review.spec };
    try {
      if (this.revoked.has(token)) throw new Error('service account token has been invalidated');
      const options = { issuer, audience: audiences };
      const { payload } = await jwtVerify(token, createLocalJWKSet(this.jwks), options);
      const bound = payload['kubernetes.io'] as {
        node?: { name: string; uid: string };
        pod: { name: string; uid: string };
      };
      const prefix = 'authentication.kubernetes.io';
      const extra = {
        [`${prefix}/credential-id`]: [`JTI=${payload.jti}`],
        [`${prefix}/pod-name`]: [bound.pod.name],
        [`${prefix}/pod-uid`]: [bound.pod.uid],
        ...(bound.node && {
          [`${prefix}/node-name`]: [bound.node.name],
          [`${prefix}/node-uid`]: [bound.node.uid],
        }),
      };
      const groups = ['system:serviceaccounts', 'system:authenticated'];
      const user = { username: payload.sub, uid: 'u', groups, extra };
      return { ...head, status: { authenticated: true, user, audiences } };
    } catch (error) {
      return { ...head, status: { user: {}, error: `[invalid bearer token, ${String(error)}]` } };
    }
  }

  #answerPod(url: string, send: (status: number, value: unknown) => void): void {
    const [, namespace, name] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)$/.exec(url) ?? [];
    const pod = this.pods.get(`${namespace}/${name}`);
    if (!pod) return send(404, { kind: 'Status', reason: 'NotFound' });
    const { uid, nodeName, serviceAccountName } = pod;
    send(200, { kind: 'Pod', metadata: { name, namespace, uid }, spec: { nodeName, serviceAccountName } });
  }
}

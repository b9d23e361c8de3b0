/** The few calls that `npm start` makes to its own collector, as an operator. */
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface Api {
  readonly url: string;
  get(path: string, etag?: string): Promise<Answer>;
  post(path: string, body: object): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly text: string;
}

/** `caFile` is what a collector with a certificate of its own is checked against. */
export function connectApi(url: string, token: string, caFile: string | undefined): Api {
  const call = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    new Promise<Answer>((resolve, reject) => {
      const options = {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers },
        timeout: 10_000,
        ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
      };
      const request = url.startsWith('https:') ? httpsRequest : httpRequest;
      const sent = request(new URL(path, url), options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, etag: response.headers.etag, text }),
        );
        response.on('error', reject);
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url} within 10 s`)));
      sent.on('error', reject);
      sent.end(body);
    });

  return {
    url,
    get: (path, etag) => call('GET', path, etag === undefined ? {} : { 'if-none-match': etag }),
    post: (path, body) => call('POST', path, { 'content-type': 'application/json' }, JSON.stringify(body)),
  };
}

/** Whether the collector can be reached, trusts this agent's token, and has the same time. Changes nothing there. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { TokenError, type TokenOptions, tokenSource } from '#io/token-source';
import type { CollectorConfig } from '../../config.ts';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';

const timeoutMs = 5000;
/** An answer's text is thrown away; more than this of it is not even read. */
const maxAnswerBytes = 64 * 1024;
/** Beyond this, times on the node and on the collector can no longer be read together. */
const maxClockDifferenceSeconds = 60;

export async function checkCollector(
  collector: CollectorConfig | null,
  nodeName: string,
  signal: AbortSignal,
): Promise<DoctorFinding[]> {
  if (collector === null) {
    const cure =
      'to run the agent, set HOLDFAST_COLLECTOR_URL and HOLDFAST_TOKEN_FILE; --token-file tries the token of a unit';
    return [warn('collector', 'none is configured with a token; only the offline commands work', cure)];
  }
  const trust = await readTrust(collector.caFile);
  if ('finding' in trust) return [trust.finding];
  await using dispatcher = disposable(trust.ca);
  const send = (method: 'GET' | 'POST', path: string, headers: Record<string, string>, body: string | null) =>
    probe(below(collector.url, path), { dispatcher: dispatcher.agent, method, headers, body, signal });
  const findings = trust.ca === null ? [] : [ok('CA file', collector.caFile ?? '')];
  const ready = await send('GET', '/readyz', {}, null);
  findings.push(judgeReady(ready, collector.url));
  if ('failure' in ready) return findings;
  findings.push(judgeClock(ready.date, Date.now()));
  const token = await readToken(collector.token);
  if ('finding' in token) return [...findings, token.finding];
  // An empty report is refused for its form, but only after the token was looked at.
  const headers = { authorization: `Bearer ${token.text}`, 'content-type': 'application/json' };
  findings.push(judgeToken(await send('POST', `/api/v1/nodes/${nodeName}/reports`, headers, '{}'), nodeName));
  return findings;
}

/** The collector may be found below a path of its URL. */
function below(url: URL, path: string): URL {
  return new URL(url.pathname.replace(/\/+$/, '') + path, url);
}

export type Probe = { readonly status: number; readonly date: string | null } | { readonly failure: string };

interface ProbeOptions {
  readonly dispatcher: Agent;
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

async function probe(url: URL, options: ProbeOptions): Promise<Probe> {
  try {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
    const { statusCode, headers, body } = await request(url, { ...options, signal });
    await body.dump({ limit: maxAnswerBytes });
    const { date } = headers;
    return { status: statusCode, date: typeof date === 'string' ? date : null };
  } catch (error) {
    options.signal.throwIfAborted();
    return { failure: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  const { code, message, name } = error as Error & { code?: string };
  return name === 'TimeoutError' ? `no answer within ${timeoutMs / 1000} s` : (code ?? message);
}

function judgeReady(ready: Probe, url: URL): DoctorFinding {
  const name = 'collector';
  if ('failure' in ready) {
    const isTrust = /CERT|SIGNATURE|ISSUER/.test(ready.failure);
    const cure = isTrust
      ? 'set HOLDFAST_CA_FILE to the authority that signed its certificate'
      : 'see that it runs, and that no firewall or wrong name is between';
    return fail(name, `${url.origin} cannot be reached: ${ready.failure}`, cure);
  }
  if (ready.status === 200) return ok(name, `${url.origin} is ready`);
  return fail(name, `${url.origin} is not ready: it answers ${ready.status}`, "look at the collector's log");
}

export function judgeClock(date: string | null, now: number): DoctorFinding {
  const name = 'clock';
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return warn(name, 'the collector tells no time', 'see what proxy is in between');
  const seconds = Math.round((now - theirs) / 1000);
  if (Math.abs(seconds) <= maxClockDifferenceSeconds) return ok(name, "as the collector's");
  const what = `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the collector's`;
  return warn(name, what, 'run a time service (chrony, systemd-timesyncd) on both');
}

export function judgeToken(answer: Probe, nodeName: string): DoctorFinding {
  const name = 'token';
  if ('failure' in answer) return fail(name, `could not be tried: ${answer.failure}`, 'run doctor again');
  switch (answer.status) {
    case 400:
    case 422:
      return ok(name, `may report as ${nodeName}`);
    case 401:
      return fail(
        name,
        'the collector does not know it',
        'make one: holdfast-collector token create --role agent',
      );
    case 403:
      return fail(
        name,
        `it may not report as ${nodeName}`,
        'make one for this node, with --role agent --node, or correct HOLDFAST_NODE_NAME',
      );
    case 410:
      return warn(
        name,
        `${nodeName} was deleted at the collector`,
        'readmit it there, if it should come back',
      );
    default:
      return fail(
        name,
        `the collector answers ${answer.status} to it`,
        'see that the URL is a Holdfast collector',
      );
  }
}

type Trust = { readonly ca: string | null } | { readonly finding: DoctorFinding };

async function readTrust(caFile: string | null): Promise<Trust> {
  if (caFile === null) return { ca: null };
  try {
    const ca = await readFile(caFile, 'utf8');
    const certificates = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (certificates.length === 0) throw new Error('it holds no PEM certificate');
    const parsed = certificates.map((certificate) => new X509Certificate(certificate));
    const expired = parsed.find(({ validTo }) => Date.parse(validTo) < Date.now());
    if (expired) throw new Error(`${expired.subject.replaceAll('\n', ', ')} expired on ${expired.validTo}`);
    return { ca };
  } catch (error) {
    return {
      finding: fail(
        'CA file',
        `${caFile} cannot be used: ${reasonOf(error)}`,
        'set HOLDFAST_CA_FILE to PEM certificates',
      ),
    };
  }
}

type Token = { readonly text: string } | { readonly finding: DoctorFinding };

async function readToken(options: TokenOptions): Promise<Token> {
  try {
    return { text: await tokenSource(options)() };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const cure = 'put the token there, readable to the user that the agent runs as';
    return { finding: fail('token', error.message, cure) };
  }
}

function disposable(ca: string | null): { readonly agent: Agent } & AsyncDisposable {
  const agent = new Agent({ connect: { timeout: timeoutMs, ...(ca === null ? {} : { ca }) } });
  return { agent, [Symbol.asyncDispose]: () => agent.destroy() };
}

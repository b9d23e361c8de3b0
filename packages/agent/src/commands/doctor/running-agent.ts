/** What the agent that runs here says of itself, on its own health page. */
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';
import { request } from 'undici';
import type { AgentConfig } from '../../config.ts';

const name = 'running agent';
const timeoutMs = 5000;
const maxAnswerCharacters = 64 * 1024;

export async function checkRunningAgent(
  { host, port }: AgentConfig['listen'],
  signal: AbortSignal,
): Promise<DoctorFinding[]> {
  if (port === 0) return [];
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const text = await ask(`http://${at}/healthz`, signal);
  if (text === null) return [ok(name, `none answers at ${at}`)];
  return judgeHealth(text, at);
}

async function ask(url: string, signal: AbortSignal): Promise<string | null> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const { body } = await request(url, { signal: limit });
    let text = '';
    for await (const piece of body.setEncoding('utf8') as AsyncIterable<string>) {
      text += piece;
      if (text.length > maxAnswerCharacters) break;
    }
    return text;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** AIDE that cannot be believed, and an agent that hangs, are failures: there is something to do. */
export function judgeHealth(text: string, at: string): DoctorFinding[] {
  const health = parse(text);
  if (health === null) return [warn(name, `what answers at ${at} is no agent`, 'set HOLDFAST_LISTEN')];
  const { phase, degraded, failing } = health;
  if (degraded.length + failing.length === 0) return [ok(name, `${phase}, at ${at}`)];
  return [
    ...failing.map((what) => fail(name, what, 'restart it, and look at its log')),
    ...degraded.map((what) =>
      /^aide: (?:unknown|failed|tampered)/.test(what)
        ? fail(name, what, 'see docs/aide.md, "What each status asks of you"')
        : warn(name, what, 'look at its log'),
    ),
  ];
}

interface Health {
  readonly phase: string;
  readonly degraded: readonly string[];
  readonly failing: readonly string[];
}

function parse(text: string): Health | null {
  try {
    const { phase, degraded, failing } = JSON.parse(text) as Record<string, unknown>;
    if (typeof phase !== 'string' || !isTexts(degraded) || !isTexts(failing)) return null;
    return { phase, degraded, failing };
  } catch {
    return null;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

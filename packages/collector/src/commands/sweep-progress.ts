/** Progress of a sweep: one line that is rewritten on a terminal, plain lines elsewhere. */
import type { Writable } from 'node:stream';
import { shownName } from '#sweep/core/shown-name';
import type { SweepLimits, SweepProgress } from '#sweep/sweep-request';

const clearLine = '\r\u001b[K';

export function sweepProgress(
  out: Writable & { readonly isTTY?: boolean },
  limits: SweepLimits,
): (event: SweepProgress) => void {
  let total = 0;
  let done = 0;
  const running = new Set<string>();
  const say = (line: string) => out.write(out.isTTY ? `${clearLine}${line}\n` : `${line}\n`);
  const show = () => {
    if (!out.isTTY) return;
    const names = [...running].join(', ');
    out.write(`${clearLine}${`${done}/${total} ${names}`.slice(0, 100)}`);
  };
  return (event) => {
    switch (event.kind) {
      case 'started':
        total = event.discovered;
        say(`${total} stacks${prediction(event, limits.deadlineMs)}`);
        break;
      case 'planning':
        running.add(shownName(event.stack));
        break;
      case 'planned': {
        const { outcome, durationMs } = event.result;
        const stack = shownName(event.result.stack);
        running.delete(stack);
        if (!event.isFinal) break;
        done += 1;
        const took = durationMs === null ? '' : ` (${(durationMs / 1000).toFixed(1)} s)`;
        if (!out.isTTY || outcome !== 'clean') say(`[${done}/${total}] ${stack}: ${outcome}${took}`);
        break;
      }
      case 'confirming':
        say(`planning again what differs: ${event.stacks} stacks`);
        break;
      case 'paused':
        say(`paused for ${event.pauseMs / 1000} s: ${event.because}`);
        break;
      case 'resumed':
        say('resumed');
        break;
      case 'gave-up':
        say(`gave up: ${event.because}`);
        break;
    }
    if (out.isTTY && done === total && total > 0) out.write(clearLine);
    else show();
  };
}

function prediction(
  { predictedMs, fitsDeadline }: Extract<SweepProgress, { kind: 'started' }>,
  deadlineMs: number,
): string {
  if (predictedMs === null) return '; how long it will take is not known yet';
  const verdict = fitsDeadline ? 'within' : 'MORE THAN';
  return `; expected to take ${lasting(predictedMs)}, ${verdict} the deadline of ${lasting(deadlineMs)}`;
}

function lasting(ms: number): string {
  return ms < 120_000 ? `${Math.ceil(ms / 1000)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

/** Progress of a sweep: one line that is rewritten on a terminal, plain lines elsewhere. */
import type { Writable } from 'node:stream';
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
        running.add(event.stack);
        break;
      case 'planned': {
        const { stack, outcome, durationMs } = event.result;
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
  const minutes = (ms: number) => `${(ms / 60_000).toFixed(1)} min`;
  const verdict = fitsDeadline ? 'within' : 'MORE THAN';
  return `; expected to take ${minutes(predictedMs)}, ${verdict} the deadline of ${minutes(deadlineMs)}`;
}

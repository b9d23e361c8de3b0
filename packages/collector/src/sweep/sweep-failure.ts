/** Why a sweep as a whole could not begin to plan. */
import { maxDiagnosticLength, type Phase } from '#sweep/core/stack-result';

/** What stands in the way of every stack alike: no stack is in error by it, all are unmeasured. */
export class SweepFailure extends Error {
  readonly code = 'sweep-failure';
  readonly phase: Phase;
  /** `message` is told and kept: it must hold no secret. */
  constructor(phase: Phase, message: string) {
    super(message.slice(0, maxDiagnosticLength));
    this.name = 'SweepFailure';
    this.phase = phase;
  }
}

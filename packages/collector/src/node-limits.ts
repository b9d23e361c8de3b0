/** The options that bound how many nodes there may be, and how much each may report. */
import { wholeNumber } from '@holdfast/shared/option-parsers';
import { option, type OptionValues } from '@holdfast/shared/options';
import type { NodeQuotaLimits } from '#core/node-quota';

export const nodeLimitOptions = {
  maxNodes: option({
    doc: 'How many nodes may report; others are refused.',
    placeholder: 'COUNT',
    parse: wholeNumber({ min: 1, max: 100_000 }),
    default: 20_000,
  }),
  nodeEventsPerHour: option({
    doc: 'How many lines of history one node may cause, in the long run; 40 hours of it at once.',
    placeholder: 'COUNT',
    parse: wholeNumber({ min: 1, max: 10_000_000 }),
    default: 5000,
  }),
  nodeMibPerHour: option({
    doc: 'How much one node may report, unpacked, in the long run; 8 hours of it at once.',
    placeholder: 'MIB',
    parse: wholeNumber({ min: 1, max: 100_000 }),
    default: 64,
  }),
} as const;

export interface NodeLimits extends NodeQuotaLimits {
  readonly maxNodes: number;
}

export function nodeLimitsOf(values: OptionValues<typeof nodeLimitOptions>): NodeLimits {
  return {
    maxNodes: values.maxNodes,
    eventsPerHour: values.nodeEventsPerHour,
    bytesPerHour: values.nodeMibPerHour * 1024 * 1024,
  };
}

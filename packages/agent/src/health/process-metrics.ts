import { readFileSync } from 'node:fs';
import type { Series } from './add-series.ts';

/**
 * The process metrics that dashboards expect. prom-client's own set also measures the event loop with a timer a hundred
 * times a second, which is more than the agent does when nothing happens.
 */
export const processSeries: readonly Series[] = [
  {
    kind: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time spent.',
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  },
  {
    kind: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'Resident memory, page cache of mapped files included.',
    read: () => process.memoryUsage.rss(),
  },
  {
    kind: 'gauge',
    name: 'process_start_time_seconds',
    help: 'When the process started, in seconds since 1970.',
    read: () => Math.round(Date.now() / 1000 - process.uptime()),
  },
  {
    kind: 'gauge',
    name: 'holdfast_agent_anonymous_memory_bytes',
    help: 'Resident memory of its own (RssAnon), which does not move with the page cache.',
    read: () => anonymousKib() * 1024,
  },
];

function anonymousKib(): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
}

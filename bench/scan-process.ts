/** One full scan as a process of its own: cold-scan.ts runs it in a cgroup. Prints what it took as JSON. */
import { scanOnce } from '@holdfast/agent/observe/scan-once';
import { scanOptions } from './four-trees.ts';

const { result } = await scanOnce(scanOptions, AbortSignal.timeout(600_000));
console.log(JSON.stringify({ scanMs: result.durationMs, bytes: result.bytes }));

/**
 * `npm run bench [-- NAME…] [--long]`: runs the named benches, or all, and prints a table of each with the machine's
 * facts. A bench needs a quiet machine; ratios between rows of one table are worth more than the figures.
 */
import { parseArgs } from 'node:util';
import { bundleForTests } from '../scripts/bundle-for-tests.ts';
import type { Bench } from './bench.ts';
import { machineFacts } from './machine.ts';
import { formatTable } from './table.ts';

const benches: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  manifest: () => import('./manifest.ts'),
  scan: () => import('./scan.ts'),
  sweep: () => import('./sweep.ts'),
  'sweep-stacks': () => import('./sweep-stacks.ts'),
  memory: () => import('./memory.ts'),
  'cold-scan': () => import('./cold-scan.ts'),
  'daemonset-limit': () => import('./daemonset-limit.ts'),
  'cold-start': () => import('./cold-start.ts'),
  'aide-run': () => import('./aide-run.ts'),
  latency: () => import('./latency.ts'),
  'first-report': () => import('./first-report.ts'),
  fleet: () => import('./fleet.ts'),
  'ten-thousand': () => import('./ten-thousand.ts'),
  'fleet-upgrade': () => import('./fleet-upgrade.ts'),
};

const { values, positionals } = parseArgs({
  options: { long: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}`);
  process.exit(1);
}

// A collector is measured as it ships: from the sources Node's type stripper would be in its memory too.
process.env['TEST_BUNDLES'] ??= await bundleForTests();
console.log(formatTable(machineFacts()));
for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
  const { bench } = await benches[name]!();
  const tables = await bench.run({ long: values.long, say: (line) => console.error(`${name}: ${line}`) });
  for (const table of tables) console.log(formatTable(table));
}

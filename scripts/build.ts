/** `npm run build [-- --out DIR] [--commit SHA]`: makes what a site installs. */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './build/build-all.ts';
import { repositoryRoot } from './build/bundle-options.ts';
import { checkoutCommit } from './build/checkout-commit.ts';
import { buildingPlace, whyNotReplaced } from './build/out-directory.ts';

const { values } = parseArgs({ options: { out: { type: 'string' }, commit: { type: 'string' } } });
const directory = resolve(values.out ?? resolve(repositoryRoot, 'dist'));
const refusal = whyNotReplaced(directory);
if (refusal !== null) {
  console.error(`build: ${directory} is not replaced: ${refusal}`);
  process.exit(1);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // What still writes there writes again at most a few times.
    rmSync(buildingPlace(directory), { recursive: true, force: true, maxRetries: 5 });
    process.kill(process.pid, signal);
  });
}

const commit = values.commit ?? checkoutCommit();
for (const { name, bytes, sha256 } of await buildAll({ directory, commit })) {
  console.log(`${sha256}  ${String(bytes).padStart(11)}  ${name}`);
}
console.log(`built in ${directory} from commit ${commit ?? 'unknown'}`);

/** `npm run build [-- --out DIR] [--commit SHA]`: makes what a site installs. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildAll } from './build/build-all.ts';
import { repositoryRoot } from './build/bundle-options.ts';
import { checkoutCommit } from './build/checkout-commit.ts';

const { values } = parseArgs({ options: { out: { type: 'string' }, commit: { type: 'string' } } });
const directory = values.out === undefined ? resolve(repositoryRoot, 'dist') : resolve(values.out);
const commit = values.commit ?? checkoutCommit();

for (const { name, bytes, sha256 } of await buildAll({ directory, commit })) {
  console.log(`${sha256}  ${String(bytes).padStart(11)}  ${name}`);
}
console.log(`built in ${directory} from commit ${commit ?? 'unknown'}`);

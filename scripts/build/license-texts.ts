/** The licenses of what is bundled ask to be passed on with it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from './bundle-options.ts';

/** `inputs` are paths of bundled files, from the root of the repository. */
export async function licenseTexts(inputs: readonly string[]): Promise<string> {
  const packages = new Set(
    inputs.flatMap((input) => {
      const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
      return match ? [match[1]!] : [];
    }),
  );
  const texts = await Promise.all([...packages].sort().map(licenseText));
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenseText(directory: string): Promise<string> {
  const path = join(repositoryRoot, directory);
  const { name, version, license } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license: string;
  };
  const file = (await readdir(path)).sort().find((entry) => /^(?:licen[cs]e|copying)/i.test(entry));
  const text = file === undefined ? '' : `\n${await readFile(join(path, file), 'utf8')}`;
  return `${name} ${version}: ${license}\n${text}`;
}

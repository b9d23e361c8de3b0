/** All artefacts of one build, with their checksums. Two builds of one commit give the same bytes. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { agentParts, bundleAgent } from './bundle-agent.ts';
import { bundleCollector } from './bundle-collector.ts';
import { repositoryRoot } from './bundle-options.ts';
import { licenseTexts } from './license-texts.ts';
import { buildingPlace, sweepBuildingPlaces, whyNotReplaced } from './out-directory.ts';
import { makeSingleExecutable } from './single-executable.ts';

export interface Artefact {
  /** From the directory that was built into. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** `directory` is replaced when all is made, so that a build that fails leaves the one before. */
export async function buildAll(options: {
  directory: string;
  commit: string | null;
}): Promise<readonly Artefact[]> {
  const { directory, commit } = options;
  const refusal = whyNotReplaced(directory);
  if (refusal !== null) throw new Error(`${directory} is not replaced by a build: ${refusal}`);
  sweepBuildingPlaces(directory);
  const beside = buildingPlace(directory);
  await mkdir(beside, { recursive: true });
  try {
    const [agent, collector] = await Promise.all([
      bundleAgent(beside, commit),
      bundleCollector(beside, commit),
    ]);
    const parts = await agentParts(commit);
    await makeSingleExecutable(parts, join(beside, 'holdfast-agent'));
    // What a stack trace of the executable is read with.
    await mkdir(join(beside, 'holdfast-agent.maps'));
    for (const { name, map } of parts)
      await writeFile(join(beside, 'holdfast-agent.maps', `${name}.map`), map);
    // A host needs no checkout: install.sh installs what lies beside it.
    await cp(join(repositoryRoot, 'deploy/systemd'), beside, { recursive: true });
    await copyFile(join(repositoryRoot, 'LICENSE'), join(beside, 'LICENSE'));
    await writeFile(
      join(beside, 'LICENSES-of-dependencies.txt'),
      await licenseTexts([...agent.inputs, ...collector.inputs]),
    );
    const artefacts = await artefactsIn(beside);
    const sums = artefacts.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
    await writeFile(join(beside, 'SHA256SUMS'), sums);
    await rm(directory, { recursive: true, force: true });
    await rename(beside, directory);
    return artefacts;
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function artefactsIn(directory: string): Promise<Artefact[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
  const artefacts: Artefact[] = [];
  for (const name of names) {
    const file = join(directory, name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    artefacts.push({ name, bytes: (await stat(file)).size, sha256: hash.digest('hex') });
  }
  return artefacts;
}

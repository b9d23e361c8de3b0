/** Everything that kubectl can apply renders, and fits the schema of Kubernetes 1.30. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { needKubectl, renderKustomization, schemaProblems } from './harness/kubernetes-schemas.ts';
import { projectRoot } from './harness/process.ts';
import { readRepositoryFile, repositoryFiles } from './repository.ts';

const directories = repositoryFiles
  .filter((path) => /^deploy\/.*\/kustomization\.yaml$/.test(path))
  // A component is rendered by the overlays that take it.
  .filter((path) => (parse(readRepositoryFile(path)) as { kind: string }).kind === 'Kustomization')
  .map(dirname);

for (const directory of directories) {
  test(`${directory} renders objects that fit the schema`, { skip: needKubectl() }, () => {
    const objects = renderKustomization(join(projectRoot, directory));
    assert.ok(objects.length > 0);
    assert.deepEqual(schemaProblems(objects), []);
  });
}

test('every component is taken by an overlay', () => {
  const components = repositoryFiles.filter((path) => /\/components\/[^/]+\/kustomization\.yaml$/.test(path));
  const taken = directories.flatMap((directory) => {
    const { components: names = [] } = parse(readRepositoryFile(`${directory}/kustomization.yaml`)) as {
      components?: string[];
    };
    return names.map((name) => join(directory, name, 'kustomization.yaml'));
  });
  assert.deepEqual(
    components.filter((path) => !taken.includes(path)),
    [],
  );
});

/**
 * Manifests, rendered by kubectl and checked against the schema of Kubernetes 1.30, the oldest that they are for. The schema
 * is `kubernetes-types`, made from the OpenAPI document of that version; the TypeScript compiler says what does not fit it: a
 * field that is unknown, missing, or of another type.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { needTool } from '../need.ts';
import { projectRoot } from './process.ts';

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export const needKubectl = () => needTool('kubectl', 'see https://kubernetes.io/docs/tasks/tools/');

const customResources = join(projectRoot, 'test/harness/custom-resources.ts');

/** By apiVersion; kinds have the same names there. */
const modules: Readonly<Record<string, string>> = {
  v1: 'core/v1',
  'apps/v1': 'apps/v1',
  'batch/v1': 'batch/v1',
  'networking.k8s.io/v1': 'networking/v1',
  'policy/v1': 'policy/v1',
  'rbac.authorization.k8s.io/v1': 'rbac/v1',
  'scheduling.k8s.io/v1': 'scheduling/v1',
};
const customKinds = new Map([
  ['monitoring.coreos.com/v1', ['ServiceMonitor', 'PrometheusRule']],
  ['kyverno.io/v2', ['PolicyException']],
]);

/** What `kubectl kustomize DIRECTORY` prints; throws with its message. */
export function renderKustomization(directory: string): KubernetesObject[] {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', directory], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`kubectl kustomize ${directory}: ${stderr}`);
  return parseObjects(stdout);
}

export function parseObjects(yaml: string): KubernetesObject[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as KubernetesObject);
}

/** One sentence each, with the object's kind, name and the offending line; empty if all objects fit. */
export function schemaProblems(objects: readonly KubernetesObject[]): string[] {
  const unknown = objects.filter((object) => moduleOf(object) === null);
  const known = objects.filter((object) => moduleOf(object) !== null);
  return [
    ...unknown.map((object) => `${nameOf(object)}: no schema is known for ${object.apiVersion}`),
    ...(known.length === 0 ? [] : compilerProblems(known)),
  ];
}

function moduleOf({ apiVersion, kind }: KubernetesObject): string | null {
  if (customKinds.get(apiVersion)?.includes(kind)) return customResources;
  const module = modules[apiVersion];
  return module === undefined ? null : join(projectRoot, 'node_modules/kubernetes-types', `${module}.d.ts`);
}

const nameOf = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.name}`;

function compilerProblems(objects: readonly KubernetesObject[]): string[] {
  const lines: string[] = [];
  const owners: string[] = [];
  for (const [index, object] of objects.entries()) {
    const type = `import(${JSON.stringify(moduleOf(object))}).${object.kind}`;
    const text = `export const object${index}: ${type} = ${JSON.stringify(object, null, 1)};`.split('\n');
    lines.push(...text);
    owners.push(...text.map(() => nameOf(object)));
  }
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-manifests-'));
  try {
    const file = join(directory, 'manifests.ts');
    writeFileSync(file, lines.join('\n'));
    const flags = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--allowImportingTsExtensions',
      '--pretty',
      'false',
    ];
    const modes = [
      '--types',
      '',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--target',
      'es2022',
    ];
    const { status, stdout, stderr } = spawnSync(
      join(projectRoot, 'node_modules/.bin/tsc'),
      ['--ignoreConfig', ...flags, ...modes, file],
      { encoding: 'utf8', cwd: directory },
    );
    const found = stdout.split('\n').flatMap((line) => {
      const [, number, message] = /manifests\.ts\((\d+),\d+\): error TS\d+: (.*)$/.exec(line) ?? [];
      if (number === undefined) return [];
      return [`${owners[Number(number) - 1]}: ${lines[Number(number) - 1]?.trim()}: ${message}`];
    });
    if (status !== 0 && found.length === 0) throw new Error(`the compiler failed: ${stdout}${stderr}`);
    return found;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

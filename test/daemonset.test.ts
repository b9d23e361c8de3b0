/** The manifests of the agent: what they render to, what they allow, and an agent run as its pod runs it. */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { readConfig } from '@holdfast/agent/config';
import { agentNodeFlags, agentProcessEnvironment } from '@holdfast/agent/runtime';
import { defaultScopeYaml } from '@holdfast/shared/default-scope';
import { parse } from 'yaml';
import { bundleAgent } from '../scripts/build/bundle-agent.ts';
import { call, closeConnections } from './harness/api.ts';
import { needKubectl, renderKustomization, schemaProblems } from './harness/kubernetes-schemas.ts';
import { collectorCommand, projectRoot } from './harness/process.ts';
import { Site, siteNode } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';
import { needMount, needTool } from './need.ts';
import { readRepositoryFile } from './repository.ts';

const directory = join(projectRoot, 'deploy/daemonset');
const overlays = readdirSync(join(directory, 'overlays')).map((name) => `overlays/${name}`);
const skip = needKubectl();

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly mountPropagation?: string;
}
interface Volume {
  readonly name: string;
  readonly hostPath?: { readonly path: string; readonly type: string };
}
interface Container {
  readonly env: readonly { name: string; value?: string; valueFrom?: object }[];
  readonly volumeMounts: readonly Mount[];
  readonly securityContext: { capabilities: { drop: string[]; add?: string[] } } & Record<string, unknown>;
  readonly resources: { requests: object; limits: Record<string, string> };
  readonly livenessProbe: { httpGet: { path: string } };
}
type PodSpec = Record<string, unknown> & {
  readonly containers: readonly [Container];
  readonly volumes: readonly Volume[];
};
interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { template: { spec: PodSpec }; exceptions?: { policyName: string; ruleNames: string[] }[] };
}

function render(path: string): KubernetesObject[] {
  return renderKustomization(join(directory, path));
}

const podOf = (objects: readonly KubernetesObject[]): PodSpec =>
  objects.find(({ kind }) => kind === 'DaemonSet')!.spec!.template.spec;

test('every overlay renders, and keeps what the base forgoes', { skip }, () => {
  for (const path of ['base', ...overlays]) {
    const pod = podOf(render(path));
    const [container] = pod.containers;
    const { capabilities, ...rest } = container.securityContext;
    assert.deepEqual(
      rest,
      { privileged: false, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      path,
    );
    assert.deepEqual(capabilities.drop, ['ALL'], path);
    assert.deepEqual(capabilities.add ?? [], path.includes('dac') ? ['DAC_READ_SEARCH'] : [], path);
    assert.equal(pod['hostUsers'], path.includes('user-namespace') ? false : undefined, path);
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) assert.equal(pod[name], undefined, path);
    assert.deepEqual([pod['automountServiceAccountToken'], pod['enableServiceLinks']], [false, false], path);
    assert.deepEqual(pod['securityContext'], {
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    });
  }
});

test('every object of every overlay fits the schema of Kubernetes', { skip }, () => {
  const objects = ['base', ...overlays].flatMap((path) => renderKustomization(join(directory, path)));
  assert.deepEqual(schemaProblems(objects), []);
});

test('the pod mounts what the default scope names, read-only, and nothing else of the host', { skip }, () => {
  const pod = podOf(render('base'));
  const scope = parse(defaultScopeYaml) as { paths: { path: string }[] };
  const hostPaths = new Map(
    pod.volumes.flatMap(({ name, hostPath }) => (hostPath ? [[name, hostPath] as const] : [])),
  );
  const mounts = pod.containers[0].volumeMounts.filter(({ name }) => hostPaths.has(name));
  for (const { name, mountPath, readOnly, mountPropagation } of mounts) {
    const { path, type } = hostPaths.get(name)!;
    assert.equal(mountPath, `/host${path}`);
    assert.equal(readOnly, true, path);
    assert.equal(mountPropagation, type === 'Directory' ? 'HostToContainer' : undefined, path);
  }
  const named = scope.paths.map(({ path }) => path);
  const isMounted = (path: string) =>
    mounts.some(({ mountPath }) => `/host${path}/`.startsWith(`${mountPath}/`));
  assert.deepEqual(
    named.filter((path) => !isMounted(path)),
    [],
    'in the scope and not mounted',
  );
  assert.deepEqual(
    [...hostPaths.values()].map(({ path }) => path).filter((path) => !named.includes(path)),
    [],
    'mounted and not in the scope',
  );
});

test('where kubeadm made no node, nothing that it makes is mounted', { skip }, () => {
  const pod = podOf(render('overlays/without-kubelet-files'));
  const of = ({ volumes, containers }: PodSpec) => [
    volumes.map(({ name }) => name),
    containers[0].volumeMounts.map(({ name }) => name),
  ];
  const kept = of(podOf(render('base'))).map((names) => names.filter((name) => !name.startsWith('kubelet-')));
  assert.deepEqual(of(pod), kept);
});

test('the exceptions are for host paths and root, and in the overlay for one capability', { skip }, () => {
  const policies = (path: string) =>
    render(path)
      .filter(({ kind }) => kind === 'PolicyException')
      .flatMap(({ spec }) => spec!.exceptions!.map(({ policyName }) => policyName))
      .sort();
  const hostPaths = [
    'disallow-host-path',
    'require-run-as-non-root-user',
    'require-run-as-nonroot',
    'restrict-volume-types',
  ];
  assert.deepEqual(policies('base'), []);
  assert.deepEqual(policies('overlays/kyverno'), hostPaths);
  assert.deepEqual(
    policies('overlays/kyverno-dac-read-search'),
    [...hostPaths, 'disallow-capabilities', 'disallow-capabilities-strict'].sort(),
  );
});

test('the agent takes the environment of its pod', { skip }, async () => {
  const config = await readConfig(
    { flags: {}, environment: { ...podEnvironment(), HOLDFAST_NODE_NAME: 'worker-1' }, hostname: 'pod' },
    'run',
  );
  assert.equal(config.hostRoot, '/host');
  assert.deepEqual(config.warnings, []);
});

test('the image runs the agent as it is measured, from images of one version each', () => {
  const dockerfile = readRepositoryFile('deploy/daemonset/Dockerfile');
  const [, entrypoint] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)!;
  assert.deepEqual(JSON.parse(entrypoint!), [
    '/usr/local/bin/node',
    ...agentNodeFlags,
    '/opt/holdfast/agent.cjs',
  ]);
  for (const [name, value] of Object.entries(agentProcessEnvironment)) {
    assert.match(dockerfile, new RegExp(`^ENV ${name}=${value}$`, 'm'));
  }
  const { devDependencies } = JSON.parse(readRepositoryFile('package.json')) as {
    devDependencies: { node: string };
  };
  const images = Array.from(dockerfile.matchAll(/^FROM (\S+)/gm), ([, image]) => image);
  const node = `node:${devDependencies.node}`;
  assert.deepEqual(images, [`${node}-bookworm-slim`, `${node}-alpine3.22`, 'alpine:3.22']);
});

/** What the manifest says, less what only a pod has. */
function podEnvironment(): Record<string, string> {
  const objects = render('base');
  const config = objects.find(({ kind }) => kind === 'ConfigMap')!.data!;
  const own = podOf(objects).containers[0].env.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { ...config, ...Object.fromEntries(own) };
}

let scratch: string;
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'holdfast-daemonset-'));
});
after(() => {
  closeConnections();
  rmSync(scratch, { recursive: true, force: true });
});

/** As a container runtime does: the mounts, read-only, and root without the capabilities that are not given. */
const asContainer = `set -e
while read -r source target; do mount --bind "$source" "$target"; mount -o remount,bind,ro "$target"; done < "$MOUNTS"
exec setpriv --no-new-privs --inh-caps="$CAPABILITIES" --bounding-set="$CAPABILITIES" "$0" "$@"`;

for (const [path, unread] of [
  ['base', ['/etc/of-a-daemon']],
  ['overlays/dac-read-search', []],
] as const) {
  test(`an agent that runs as its pod says sees the host, and what it may not read; ${path}`, {
    skip: skip || needMount() || needTool('setpriv', 'apt-get install -y util-linux'),
  }, async () => {
    const host = join(scratch, path.replace('/', '-'));
    const seen = `${host}-seen`;
    const pod = podOf(render(path));
    makeHost(host, pod);
    const mounts = pod.containers[0].volumeMounts.flatMap(({ name, mountPath }) => {
      const hostPath = pod.volumes.find((volume) => volume.name === name)?.hostPath;
      if (!hostPath) return [];
      const target = join(seen, mountPath);
      if (hostPath.type === 'Directory') mkdirSync(target, { recursive: true });
      else write(target, '');
      return [`${join(host, hostPath.path)} ${target}\n`];
    });
    const mountsFile = `${host}-mounts`;
    writeFileSync(mountsFile, mounts.join(''));
    const added = pod.containers[0].securityContext.capabilities.add ?? [];
    const { file } = await bundleAgent(scratch);
    await using site = await Site.create({
      programs: {
        agent: ['unshare', '--mount', 'sh', '-c', asContainer, process.execPath, ...agentNodeFlags, file],
        collector: collectorCommand,
        environment: { PATH: process.env['PATH'] },
      },
      agent: {
        HOLDFAST_HOST_ROOT: join(seen, 'host'),
        HOLDFAST_SCOPE_FILE: '',
        HOLDFAST_AIDE_BINARY: 'off',
        MOUNTS: mountsFile,
        CAPABILITIES: ['-all', ...added.map((name) => `+${name.toLowerCase()}`)].join(','),
      },
    });
    await site.startCollector();
    await site.startAgent();
    const node = await waitFor('the first report', async () => {
      const { body } = await call<{ health?: { phase: string } }>(site.url, `/api/v1/nodes/${siteNode}`);
      return body.health?.phase === 'watching' && body;
    });
    assert.ok(node);
    const { text } = await call(site.url, `/api/v1/nodes/${siteNode}/manifest?of=observed`);
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { path?: string; unread?: string });
    assert.deepEqual(
      entries.filter((entry) => entry.unread).map((entry) => entry.path),
      unread,
    );
    const paths = new Set(entries.map((entry) => entry.path));
    for (const expected of ['/etc/passwd', '/usr/bin/true', '/var/lib/kubelet/config.yaml']) {
      assert.ok(paths.has(expected), expected);
    }
  });
}

function makeHost(host: string, pod: PodSpec): void {
  for (const { hostPath } of pod.volumes) {
    if (hostPath?.type === 'Directory') mkdirSync(join(host, hostPath.path), { recursive: true });
    else if (hostPath) write(join(host, hostPath.path), 'x\n');
  }
  write(join(host, 'etc/passwd'), 'root\n');
  write(join(host, 'usr/bin/true'), 'true\n');
  write(join(host, 'etc/of-a-daemon'), 'its own\n', 0o600);
  chownSync(join(host, 'etc/of-a-daemon'), 1, 1);
}

function write(file: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { mode });
}

/** The manifests of the collector and of its sweep job: what they allow, and that their parts fit one another and the program. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '@holdfast/collector/load-config';
import { collectorNodeFlags } from '@holdfast/collector/runtime';
import { type KubernetesObject, needKubectl, renderKustomization } from './harness/kubernetes-schemas.ts';
import { type PodSpec, restrictedProblems } from './harness/pod-security.ts';
import { operatorToken, projectRoot } from './harness/process.ts';
import { waitFor } from './harness/wait.ts';
import { needTool } from './need.ts';
import { readRepositoryFile } from './repository.ts';

const root = join(projectRoot, 'deploy/collector');
const overlays = ['base', 'overlays/cluster', 'overlays/cluster-service-monitor'];
const skip = needKubectl();
const skipTerraform = needTool('terraform', 'see https://developer.hashicorp.com/terraform/install');

interface Template {
  readonly metadata: {
    readonly labels: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec: PodSpec;
}
interface CronJobSpec {
  readonly schedule: string;
  readonly concurrencyPolicy: string;
  readonly jobTemplate: {
    readonly spec: {
      readonly activeDeadlineSeconds: number;
      readonly backoffLimit: number;
      readonly template: Template;
    };
  };
}

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-manifests-'));
});
after(() => rm(directory, { recursive: true, force: true }));

const render = (path: string) => renderKustomization(join(root, path));

function specOf(objects: readonly KubernetesObject[], kind: string): unknown {
  const found = objects.filter((object) => object.kind === kind);
  assert.equal(found.length, 1, `one ${kind}`);
  return found[0]!['spec'];
}

const collectorTemplate = (path: string) =>
  (specOf(render(path), 'StatefulSet') as { template: Template }).template;
const sweepJob = () => specOf(render('sweep'), 'CronJob') as CronJobSpec;
const sweepTemplate = () => sweepJob().jobTemplate.spec.template;

const restorePod = () => specOf(render('restore'), 'Pod') as PodSpec;

test('every pod is admitted by the level restricted, and cannot write to its image', { skip }, () => {
  for (const spec of [
    ...overlays.map((path) => collectorTemplate(path).spec),
    sweepTemplate().spec,
    restorePod(),
  ]) {
    assert.deepEqual(restrictedProblems(spec), []);
    assert.equal(spec.containers[0]!.securityContext?.readOnlyRootFilesystem, true);
    assert.deepEqual([spec['automountServiceAccountToken'], spec['enableServiceLinks']], [false, false]);
  }
});

test('the check of the level restricted finds what it forbids', { skip }, () => {
  const { spec } = sweepTemplate();
  const [container] = spec.containers;
  const { securityContext: _, ...bare } = container!;
  const loose = {
    ...spec,
    hostPID: true,
    securityContext: {},
    containers: [bare as typeof container & object],
    volumes: [{ name: 'host', hostPath: { path: '/' } }],
  };
  assert.deepEqual(restrictedProblems(loose), [
    'hostPID',
    'volume host',
    'sweep: allowPrivilegeEscalation',
    'sweep: runAsNonRoot',
    'sweep: seccompProfile',
    'sweep: capabilities.drop',
  ]);
});

test('only the overlays that ask the API server have rights and a token for it', { skip }, () => {
  for (const path of [...overlays, 'sweep']) {
    const objects = render(path);
    const rules = objects.filter(({ kind }) => kind === 'ClusterRole').map((role) => role['rules']);
    const asks = path.startsWith('overlays/');
    const review = { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] };
    assert.deepEqual(rules, asks ? [[review]] : [], path);
    const text = JSON.stringify(objects);
    assert.equal(text.includes('/var/run/secrets/kubernetes.io/serviceaccount'), asks, path);
    assert.equal(text.includes('"token-review"'), asks, path);
  }
});

test('a scrape is asked for once: by annotations, or by a ServiceMonitor', { skip }, () => {
  for (const path of overlays) {
    const monitored = render(path).some(({ kind }) => kind === 'ServiceMonitor');
    const { annotations = {} } = collectorTemplate(path).metadata;
    assert.equal(annotations['prometheus.io/scrape'], monitored ? undefined : 'true', path);
  }
});

test('policies and Service select the pods', { skip }, () => {
  for (const [path, { metadata }] of [
    ['base', collectorTemplate('base')],
    ['sweep', sweepTemplate()],
  ] as const) {
    const policy = specOf(render(path), 'NetworkPolicy') as { podSelector: { matchLabels: object } };
    assert.partialDeepStrictEqual(metadata.labels, policy.podSelector.matchLabels);
  }
  const service = specOf(render('base'), 'Service') as {
    selector: object;
    ports: { port: number; targetPort: string }[];
  };
  const { metadata, spec } = collectorTemplate('base');
  assert.partialDeepStrictEqual(metadata.labels, service.selector);
  assert.equal(
    spec.containers[0]!.ports!.find(({ name }) => name === service.ports[0]!.targetPort)?.containerPort,
    9477,
  );
});

for (const [path, template] of [
  ['base', () => collectorTemplate('base')],
  ['sweep', sweepTemplate],
] as const) {
  test(`the configuration of ${path} is one that the collector takes, and its paths are mounted`, {
    skip,
  }, async () => {
    const text = readRepositoryFile(`deploy/collector/${path}/collector.yaml`);
    const { containers, volumes } = template().spec;
    const mounts = containers[0]!.volumeMounts;
    const paths = [...text.matchAll(/(?<=: )\/[\w./-]+/g)].map(([found]) => found);
    assert.ok(paths.length > 0);
    assert.deepEqual(
      paths.filter((found) => !mounts.some(({ mountPath }) => `${found}/`.startsWith(`${mountPath}/`))),
      [],
      'named and not mounted',
    );
    assert.ok(volumes.every(({ name }) => mounts.some((mount) => mount.name === name)));
    const token = join(directory, 'token');
    await writeFile(token, operatorToken);
    const file = join(directory, `${path}.yaml`);
    await writeFile(file, text.replace(/\/etc\/holdfast\/(operator|sweeper)\/token/, token));
    const environment = Object.fromEntries(
      (containers[0]!.env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
    );
    const config = loadConfig({ environment, flags: {}, configFile: file });
    assert.equal(config.sweep !== null, path === 'sweep');
  });
}

test('a restore has the volumes of the collector, where the collector has them, and its image and user', {
  skip,
}, () => {
  const own = specOf(render('base'), 'StatefulSet') as {
    template: Template;
    volumeClaimTemplates: { metadata: { name: string } }[];
  };
  const restore = restorePod();
  const claims = own.volumeClaimTemplates.map(({ metadata }) => `${metadata.name}-holdfast-collector-0`);
  assert.deepEqual(
    restore.volumes.flatMap((volume) => {
      const claim = volume['persistentVolumeClaim'] as { claimName: string } | undefined;
      return claim === undefined ? [] : [claim.claimName];
    }),
    claims,
  );
  const [there, here] = [own.template.spec, restore].map(({ containers, securityContext }) => ({
    user: securityContext!.runAsUser,
    image: containers[0]!.image,
    mounts: containers[0]!.volumeMounts.filter(({ name }) => ['data', 'backups'].includes(name)),
  }));
  assert.deepEqual(here, there);
});

test('the sweep ends by itself and has ten minutes left for its results', { skip }, () => {
  const { schedule, concurrencyPolicy, jobTemplate } = sweepJob();
  assert.deepEqual([schedule, concurrencyPolicy], ['0 6 * * *', 'Forbid']);
  const { activeDeadlineSeconds, backoffLimit } = jobTemplate.spec;
  assert.deepEqual([activeDeadlineSeconds, backoffLimit], [3600, 0]);
  const text = readRepositoryFile('deploy/collector/sweep/collector.yaml');
  const deadline = Number(/deadlineSeconds: (\d+)/.exec(text)![1]);
  assert.ok(deadline <= activeDeadlineSeconds - 600, String(deadline));
});

test('Vault knows the job by the name, the namespace and the audience that it has', { skip }, () => {
  const role = readRepositoryFile('deploy/collector/vault/role.tf');
  const { spec } = sweepTemplate();
  const namespace = render('sweep').find(({ kind }) => kind === 'CronJob')!.metadata.namespace;
  assert.match(
    role,
    new RegExp(`bound_service_account_names += \\["${String(spec['serviceAccountName'])}"\\]`),
  );
  assert.match(role, new RegExp(`bound_service_account_namespaces += \\["${namespace}"\\]`));
  const audience = /audience += "(.+)"/.exec(role)![1];
  assert.ok(JSON.stringify(spec.volumes).includes(`"audience":"${audience}"`));
  assert.match(
    readRepositoryFile('deploy/collector/sweep/collector.yaml'),
    new RegExp(`audience: ${audience}\\n`),
  );
});

test("Vault's commands say what the Terraform says", () => {
  const plain = (text: string) =>
    text.replaceAll(/["[\]]|vault_policy\.|\.name/g, '').replaceAll(/ *= */g, '=');
  const role = plain(readRepositoryFile('deploy/collector/vault/role.tf')).replaceAll(
    'terraform_plan_runner',
    'terraform-plan-runner',
  );
  const settings = [...readRepositoryFile('deploy/collector/vault/vault.sh').matchAll(/^ {2}(\w+=\S+)/gm)];
  assert.equal(settings.length, 6);
  for (const [, setting] of settings) assert.ok(role.includes(`  ${setting}\n`), setting);
});

test('policy and role are HCL, and the policy only reads secrets', { skip: skipTerraform }, () => {
  for (const name of ['terraform-plan-runner.hcl', 'role.tf']) {
    const input = readRepositoryFile(`deploy/collector/vault/${name}`);
    const { status, stdout, stderr } = spawnSync('terraform', ['fmt', '-'], { input, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, input, 'as terraform formats it');
  }
  const policy = readRepositoryFile('deploy/collector/vault/terraform-plan-runner.hcl');
  for (const [, path, capabilities] of policy.matchAll(/path "(.+)" \{\n {2}capabilities = \[(.+)\]/g)) {
    if (path!.startsWith('secret/')) assert.doesNotMatch(capabilities!, /create|update|patch|delete|sudo/);
  }
});

test('what has to be there before is in the guide', { skip }, () => {
  const objects = [...render('overlays/cluster'), ...render('sweep')];
  const made = new Set(objects.map(({ metadata }) => metadata.name));
  const { volumes } = collectorTemplate('overlays/cluster').spec;
  const needed = JSON.stringify([volumes, sweepTemplate().spec.volumes]).matchAll(
    /"secretName":"([^"]+)"|"configMap":\{(?:"\w+":\d+,)?"name":"([^"]+)"/g,
  );
  const guide = readRepositoryFile('docs/install-kubernetes.md');
  const missing = [...needed].map(([, secret, map]) => secret ?? map!).filter((name) => !made.has(name));
  assert.ok(missing.includes('holdfast-operator'));
  assert.deepEqual(
    missing.filter((name) => !guide.includes(name)),
    [],
  );
});

test('the image is made of pinned parts and does not run as root', { skip }, () => {
  const text = readRepositoryFile('deploy/collector/Dockerfile');
  const lines = text
    .replaceAll(/ \\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => !line.startsWith('#'));
  const packageJson = JSON.parse(readRepositoryFile('package.json')) as { devDependencies: { node: string } };
  const froms = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]!);
  const stages = lines.flatMap((line) => / AS (\S+)$/.exec(line)?.[1] ?? []);
  for (const from of froms) {
    assert.ok(stages.includes(from) || from === '${BASE}' || /^[\w./-]+:(?!latest)\S+$/.test(from), from);
  }
  assert.ok(froms.includes(`node:${packageJson.devDependencies.node}-bookworm-slim`));
  for (const line of lines.filter((added) => added.startsWith('ADD ')))
    assert.match(line, /--checksum=sha256:/);
  assert.ok(
    text.includes(`exec /usr/local/bin/node ${collectorNodeFlags.join(' ')} /opt/holdfast/collector.cjs`),
  );
  const users = lines.filter((line) => line.startsWith('USER '));
  const { securityContext } = collectorTemplate('base').spec;
  assert.equal(users.at(-1), `USER ${securityContext!.runAsUser}:${securityContext!.runAsUser}`);
});

/** The job's script with a program in the collector's place that does what is said. */
async function runSweepScript(program: string, signal: NodeJS.Signals | null = null): Promise<number | null> {
  const fake = join(directory, 'holdfast-collector');
  await writeFile(fake, `#!/bin/sh\n${program}\n`);
  await chmod(fake, 0o755);
  const env = {
    PATH: `${directory}:${process.env['PATH']}`,
    COLLECTOR_URL: 'https://collector.example',
    OUT: join(directory, 'out'),
  };
  await rm(env.OUT, { force: true });
  const child = spawn('/bin/sh', [join(root, 'sweep/sweep.sh')], { env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  if (signal !== null) {
    await waitFor(
      'the program to start',
      async () => (await readFile(env.OUT, 'utf8').catch(() => '')) !== '',
    );
    child.kill(signal);
  }
  const [code] = (await ended) as [number | null];
  return code;
}

test('a sweep that finds drift is no failed job, one that could not measure is', async () => {
  assert.equal(await runSweepScript('exit 0'), 0);
  assert.equal(await runSweepScript('exit 2'), 0);
  assert.equal(await runSweepScript('exit 1'), 1);
  assert.equal(await runSweepScript('echo "$*" >"$OUT"'), 0);
  assert.equal(
    await readFile(join(directory, 'out'), 'utf8'),
    'sweep --config /etc/holdfast/config/collector.yaml --push-to https://collector.example\n',
  );
});

test('a job at its deadline waits until the sweep has told what it measured', async () => {
  const program = `trap 'sleep 0.3; echo told >>"$OUT"; exit 1' TERM\necho begun >"$OUT"\nwhile :; do sleep 0.05; done`;
  assert.equal(await runSweepScript(program, 'SIGTERM'), 1);
  assert.equal(await readFile(join(directory, 'out'), 'utf8'), 'begun\ntold\n');
});

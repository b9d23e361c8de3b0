/**
 * The level "restricted" of Kubernetes' Pod Security Standards (version 1.30), rule by rule as its documentation lists
 * them, for pods of Linux.
 */
interface SecurityContext {
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: { readonly type: string };
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly procMount?: string;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly {
    readonly name: string;
    readonly containerPort: number;
    readonly hostPort?: number;
  }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: SecurityContext & { readonly readOnlyRootFilesystem?: boolean };
  readonly [field: string]: unknown;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
  readonly securityContext?: SecurityContext & { readonly sysctls?: readonly unknown[] };
  readonly [field: string]: unknown;
}

const volumeTypes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** What the level forbids in this pod; empty if it would be admitted. */
export function restrictedProblems(pod: PodSpec): string[] {
  const problems: string[] = [];
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) if (pod[name]) problems.push(name);
  for (const { name, ...source } of pod.volumes) {
    if (!Object.keys(source).every((type) => volumeTypes.includes(type))) problems.push(`volume ${name}`);
  }
  if (pod.securityContext?.sysctls?.length) problems.push('sysctls');
  for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
    const found = containerProblems(container, pod.securityContext ?? {});
    problems.push(...found.map((problem) => `${container.name}: ${problem}`));
  }
  return problems;
}

function containerProblems(container: Container, ofPod: SecurityContext): string[] {
  const { capabilities, ...own } = container.securityContext ?? {};
  const context = { ...ofPod, ...own };
  const held: readonly [boolean, string][] = [
    [context.privileged !== true, 'privileged'],
    [context.allowPrivilegeEscalation === false, 'allowPrivilegeEscalation'],
    [context.runAsNonRoot === true, 'runAsNonRoot'],
    [context.runAsUser !== 0, 'runAsUser'],
    [['RuntimeDefault', 'Localhost'].includes(context.seccompProfile?.type ?? ''), 'seccompProfile'],
    [(context.procMount ?? 'Default') === 'Default', 'procMount'],
    [capabilities?.drop?.includes('ALL') === true, 'capabilities.drop'],
    [(capabilities?.add ?? []).every((name) => name === 'NET_BIND_SERVICE'), 'capabilities.add'],
    [(container.ports ?? []).every(({ hostPort }) => !hostPort), 'hostPort'],
  ];
  return held.filter(([holds]) => !holds).map(([, problem]) => problem);
}

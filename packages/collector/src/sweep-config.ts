/** The configuration of the sweep, put together from its options and the block of the file. Pure. */
import type { CrossCheck } from '@holdfast/shared/options';
import type { StackRule } from '#sweep/core/stack-rule';
import { defaultSweepLimits, type SweepLimits } from '#sweep/sweep-request';
import type { VaultConfig } from '#sweep/vault/vault-config';
import type { SweepBlock } from './sweep-block.ts';
import type { sweepOptions, SweepOptionValues } from './sweep-options.ts';

export type SweepSource =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 'git';
      readonly url: string;
      readonly ref: string;
      readonly credentialsFile: string | null;
      readonly knownHostsFile: string | null;
    };

export interface SweepConfig {
  readonly source: SweepSource;
  readonly stacks: readonly string[];
  readonly markers: readonly string[];
  readonly scaffolds: readonly string[];
  readonly exclude: SweepBlock['exclude'];
  readonly prepare: SweepBlock['prepare'];
  readonly prepareTimeoutMs: number;
  readonly command: readonly string[];
  /** Null: only when asked. */
  readonly schedule: { readonly cron: string; readonly timezone: string; readonly jitterMs: number } | null;
  readonly limits: SweepLimits;
  /** Names or globs of names. */
  readonly environment: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly vault: VaultConfig | null;
  readonly rules: readonly StackRule[];
}

/** What is wrong between the sweep's options. */
export const checkSweep: CrossCheck<typeof sweepOptions> = (values, nameOf) => {
  const problems: string[] = [];
  const beside = (one: keyof SweepOptionValues, other: keyof SweepOptionValues) =>
    `${nameOf(one)}: cannot be set beside ${nameOf(other)}`;
  if (values.sweepPath !== null && values.sweepGit !== null) problems.push(beside('sweepGit', 'sweepPath'));
  for (const name of ['sweepCredentialsFile', 'sweepKnownHostsFile'] as const) {
    if (values[name] !== null && values.sweepGit === null)
      problems.push(`${nameOf(name)}: goes with ${nameOf('sweepGit')} only`);
  }
  if (values.sweepPushToken !== null && values.sweepPushTokenFile !== null)
    problems.push(beside('sweepPushTokenFile', 'sweepPushToken'));
  if (values.sweepStackTimeoutSeconds > values.sweepDeadlineSeconds) {
    problems.push(
      `${nameOf('sweepStackTimeoutSeconds')}: must not be longer than ${nameOf('sweepDeadlineSeconds')} (got "${values.sweepStackTimeoutSeconds}")`,
    );
  }
  return problems;
};

/** Null where no source of stacks is configured. */
export function sweepConfigOf(values: SweepOptionValues, block: SweepBlock): SweepConfig | null {
  const source = sourceOf(values);
  if (source === null) return null;
  return {
    source,
    stacks: values.sweepStacks,
    markers: values.sweepMarker,
    scaffolds: values.sweepScaffolds,
    exclude: block.exclude,
    prepare: block.prepare,
    prepareTimeoutMs: values.sweepPrepareTimeoutSeconds * 1000,
    command: values.sweepCommand,
    schedule:
      values.sweepSchedule === 'off'
        ? null
        : {
            cron: values.sweepSchedule,
            timezone: values.sweepTimezone,
            jitterMs: values.sweepJitterSeconds * 1000,
          },
    limits: {
      ...defaultSweepLimits,
      concurrency: values.sweepConcurrency,
      stackTimeoutMs: values.sweepStackTimeoutSeconds * 1000,
      deadlineMs: values.sweepDeadlineSeconds * 1000,
    },
    environment: values.sweepEnvironment,
    user: values.sweepUser,
    vault: vaultOf(values),
    rules: block.rules,
  };
}

function sourceOf(values: SweepOptionValues): SweepSource | null {
  if (values.sweepPath !== null) return { kind: 'directory', path: values.sweepPath };
  if (values.sweepGit === null) return null;
  return {
    kind: 'git',
    url: values.sweepGit,
    ref: values.sweepRef,
    credentialsFile: values.sweepCredentialsFile,
    knownHostsFile: values.sweepKnownHostsFile,
  };
}

function vaultOf(values: SweepOptionValues): VaultConfig | null {
  if (values.sweepVaultAddress === null) return null;
  return {
    address: values.sweepVaultAddress,
    role: values.sweepVaultRole,
    mount: values.sweepVaultMount,
    tokenFile: values.sweepVaultTokenFile,
    audience: values.sweepVaultAudience,
    namespace: values.sweepVaultNamespace,
    caFile: values.sweepVaultCaFile,
  };
}

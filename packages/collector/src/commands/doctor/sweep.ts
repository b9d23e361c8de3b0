import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { type DoctorFinding, fail, ok, warn } from '@holdfast/shared/doctor-finding';
import { childEnvironment } from '#sweep/core/child-environment';
import { discoverStacks } from '#sweep/source/discover';
import { findProgram } from '#sweep/source/find-program';
import { askRemote } from '#sweep/source/checkout';
import { SweepFailure } from '#sweep/sweep-failure';
import { VaultError } from '#sweep/vault/vault-api';
import { openVaultSession } from '#sweep/vault/vault-session';
import type { CollectorConfig } from '../../config.ts';
import type { SweepConfig } from '../../sweep-config.ts';

export interface SweepSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A directory of the collector; nothing of it is planned. */
  readonly dataDir: string;
  readonly signal: AbortSignal;
}

/** Whether the source, the programs and Vault are there for a sweep. Plans nothing, and revokes the token that it gets. */
export async function* checkSweep(
  sweep: CollectorConfig['sweep'],
  around: SweepSurroundings,
): AsyncGenerator<DoctorFinding> {
  if (sweep === null) {
    yield ok('sweep', 'off: no source of stacks is configured');
    return;
  }
  yield* await checkPrograms(sweep, around);
  yield await checkSource(sweep, around);
  if (sweep.vault !== null) yield await checkVault(sweep.vault, around);
}

async function checkPrograms(
  { command, source, environment: allowed }: SweepConfig,
  { environment, dataDir }: SweepSurroundings,
): Promise<DoctorFinding[]> {
  const [program = ''] = command;
  const findings: DoctorFinding[] = [];
  // A path that is not absolute begins in each stack: it can't be looked for before there is a checkout.
  if (program.startsWith('/') || !program.includes('/')) {
    const path = childEnvironment(environment, allowed)['PATH'];
    const found = await findProgram(program, dataDir, path);
    findings.push(
      'file' in found
        ? ok('sweep command', `${program} is ${found.file}`)
        : fail(
            'sweep command',
            `${program} is not on the PATH of children (${found.problem})`,
            'install it, or set PATH for the collector and name it in sweep.environment',
          ),
    );
    if (basename(program) === 'terragrunt') {
      const tools = await Promise.all(['terraform', 'tofu'].map((name) => findProgram(name, dataDir, path)));
      if (!tools.some((tool) => 'file' in tool))
        findings.push(
          warn(
            'sweep command',
            'terragrunt finds neither terraform nor tofu',
            'install the one that it runs',
          ),
        );
    }
  }
  if (source.kind === 'git') {
    const git = await findProgram('git', dataDir, environment['PATH']);
    if ('problem' in git) findings.push(fail('git', `is not on PATH (${git.problem})`, 'install git'));
  }
  return findings;
}

async function checkSource(
  sweep: SweepConfig,
  { environment, dataDir, signal }: SweepSurroundings,
): Promise<DoctorFinding> {
  const { source } = sweep;
  const name = 'source of stacks';
  try {
    if (source.kind === 'git') {
      await askRemote(source, { directory: join(dataDir, 'sweep'), environment, runAs: null, signal });
      return ok(name, 'the git repository answers, and has the ref');
    }
    if (!(await stat(source.path)).isDirectory())
      return fail(name, `${source.path} is no directory`, 'set sweep.source.path');
    const { stacks, unmatched } = await discoverStacks(source.path, sweep, null);
    if (unmatched.length > 0)
      return fail(name, `no stack matches ${unmatched.join(', ')}`, 'take the glob out of sweep.stacks');
    const excluded = stacks.filter(({ excludedBecause }) => excludedBecause !== null).length;
    return ok(name, `${source.path} holds ${stacks.length} stacks, ${excluded} of them excluded`);
  } catch (error) {
    const cure = 'see docs/stacks.md';
    if (error instanceof SweepFailure) return fail(name, error.message, cure);
    const { code, message } = error as NodeJS.ErrnoException;
    return fail(name, `cannot be read (${code ?? message})`, cure);
  }
}

async function checkVault(
  vault: NonNullable<SweepConfig['vault']>,
  { signal }: SweepSurroundings,
): Promise<DoctorFinding> {
  // What it would log, the finding says.
  const log = pino({ level: 'silent' });
  try {
    await using _ = await openVaultSession(vault, { log, signal, retries: { tries: 1, minMs: 1, maxMs: 1 } });
    return ok('vault', `${vault.address.origin} gives a token for role ${vault.role}`);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    return fail('vault', error.message, 'see docs/stacks.md#vault');
  }
}

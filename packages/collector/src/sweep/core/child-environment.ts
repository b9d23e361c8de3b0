/**
 * What children of a sweep see of the collector's environment: what is allowed by name, and what makes Terraform and
 * Terragrunt ask nothing and tell machines. Never a variable of ours: those hold tokens.
 */
import { matchesWildcard } from '#sweep/core/wildcard';

/** Every child carries it, with the sweep's id: what outlives its group is found by it. */
export const sweepMark = 'IN_HOLDFAST_SWEEP';
/** Every child gets a random value in it, which must be found nowhere afterwards. A stack may declare the variable. */
export const canaryVariable = 'TF_VAR_holdfast_canary';

export const fixedEnvironment: Readonly<Record<string, string>> = {
  TF_IN_AUTOMATION: '1',
  TF_INPUT: '0',
  CHECKPOINT_DISABLE: '1',
  TG_NON_INTERACTIVE: 'true',
  TERRAGRUNT_NON_INTERACTIVE: 'true',
  TG_TF_FORWARD_STDOUT: 'true',
  TERRAGRUNT_FORWARD_TF_STDOUT: 'true',
  TG_NO_COLOR: 'true',
  NO_COLOR: '1',
};

/** They would change what is planned or write what is planned into a log, whatever is allowed. */
const forbidden = [
  'HOLDFAST_*',
  'TF_LOG*',
  'TF_CLI_ARGS*',
  'TG_LOG_*',
  'TERRAGRUNT_LOG_*',
  'TERRAGRUNT_DEBUG',
];

export function childEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  allow: readonly string[],
): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || matchesAny(forbidden, name)) continue;
    if (matchesAny(allow, name)) seen[name] = value;
  }
  return { ...seen, ...fixedEnvironment };
}

/** Values that are secret by the name of their variable. */
export function secretsOfEnvironment(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => (isSecretName(name) ? [value] : []));
}

function isSecretName(name: string): boolean {
  return (
    name.startsWith('TF_VAR_') ||
    name.startsWith('TF_TOKEN_') ||
    /PASS|SECRET|TOKEN|KEY|CREDENTIAL|CONN_STR|DSN|AUTH/i.test(name)
  );
}

function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesWildcard(pattern, name));
}

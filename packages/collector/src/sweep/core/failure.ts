/**
 * What a failed child's messages mean: the phase that failed, whether many stacks will fail by the same, and whether
 * `init` would help. Only failures are told apart by words; that something failed is known by exit code and plan.
 */
import type { PlanDiagnostic } from '#sweep/core/plan-stream';
import type { Phase } from '#sweep/core/stack-result';

/** Failures that say nothing about the stack: whoever comes next fails too. */
export const breakerClasses = ['backend', 'auth', 'registry', 'lock'] as const;
export type BreakerClass = (typeof breakerClasses)[number];

export interface Failure {
  readonly phase: Phase;
  readonly breaker: BreakerClass | null;
  readonly cure: 'init' | 'init-without-cache' | null;
}

export interface FailureMessages {
  readonly command: 'plan' | 'init' | 'show';
  readonly errors: readonly PlanDiagnostic[];
  /** Text that is no JSON: of wrappers, of init, of a crash. */
  readonly noise: string;
}

type Rule = readonly [pattern: RegExp, failure: Failure];

const failure = (
  phase: Phase,
  breaker: Failure['breaker'] = null,
  cure: Failure['cure'] = null,
): Failure => ({
  phase,
  breaker,
  cure,
});

/** The first that matches holds. Messages of Terraform 1.x, OpenTofu and Terragrunt. */
const rules: readonly Rule[] = [
  [
    /^panic: |!!!+ TERRAFORM CRASH|OPENTOFU CRASH|plugin (?:process )?crashed|Plugin did not respond/im,
    failure('crash'),
  ],
  [
    /Error (?:acquiring|releasing) the state lock|Error locking state|state is already locked/i,
    failure('lock', 'lock'),
  ],
  [
    /does(?:n't| not) match any of the checksums|text file busy/i,
    failure('init', 'registry', 'init-without-cache'),
  ],
  [
    /Backend initialization required|Initialization required|Backend configuration (?:block has )?changed|Inconsistent dependency lock file|Required plugins are not installed|Module (?:not installed|source has changed)|Missing required provider|there is no package for .* cached in|please run "?(?:terraform|tofu) init/i,
    failure('init', null, 'init'),
  ],
  [
    /(?:Failed to (?:query available provider packages|install provider|retrieve|download module)|Could not (?:retrieve|query|download|connect to)|Invalid provider registry host|Failed to request discovery document|registry service)/i,
    failure('init', 'registry'),
  ],
  [
    /no valid credential sources|NoCredentialProviders|ExpiredToken|InvalidClientTokenId|SignatureDoesNotMatch|could not find default credentials|(?:token|credentials?)[^.\n]{0,40}expired|password authentication failed|permission denied|\b401\b[^\n]{0,40}unauthorized|unauthorized[^\n]{0,40}\b401\b|\b403\b[^\n]{0,40}(?:forbidden|access ?denied|permission)|AccessDenied|error (?:authenticating|logging in)/i,
    failure('auth', 'auth'),
  ],
  [
    /Error (?:loading|refreshing|configuring|reading|inspecting) (?:the )?(?:state|backend)|Failed to (?:load|read|get existing|refresh)[^\n]{0,40}(?:state|workspaces|backend)|error loading the remote state|(?:state data|state file|state snapshot)[^\n]{0,80}(?:does not|could not|unsupported|not have|newer)|Unsupported state file format|Invalid backend|Unreadable (?:module )?state/i,
    failure('backend', 'backend'),
  ],
];

/** The words of a connection that failed; which phase it is of, the rest says. */
const unreachable =
  /dial tcp|connection refused|no such host|i\/o timeout|TLS handshake timeout|connection reset by peer|network is unreachable/i;

export function failureOf({ command, errors, noise }: FailureMessages): Failure {
  const text = [...errors.map(({ summary, detail }) => `${summary}\n${detail}`), noise].join('\n');
  const known = rules.find(([pattern]) => pattern.test(text))?.[1];
  if (known !== undefined) return known;
  // What init, run by itself or by a wrapper, was at when it failed.
  if (unreachable.test(text) && /Initializing the backend/i.test(text)) {
    return /Initializing (?:modules|provider plugins)/i.test(text)
      ? failure('init', 'registry')
      : failure('backend', 'backend');
  }
  if (command === 'init') return failure('init', unreachable.test(text) ? 'registry' : null);
  // Neither a resource nor a place in the code: the connection was Terraform's own, to its state.
  const isOwn = errors.every(({ address, place }) => address === null && place === null);
  if (unreachable.test(text) && isOwn) return failure('backend', 'backend');
  if (errors.some(({ address }) => address !== null)) return failure('provider');
  if (errors.some(({ place }) => place !== null)) return failure('config');
  if (errors.length > 0) return failure('config');
  return /\.hcl\b|\.tf\b|parsing|decode/i.test(noise) ? failure('config') : failure('crash');
}

/**
 * As `terraform plan -detailed-exitcode` has them: a difference is no error, and must not look like one. `restart`: the
 * agent has to be started anew to see what there is.
 */
export const exitCodes = { ok: 0, error: 1, drift: 2, restart: 3 } as const;

export type ExitCode = number;

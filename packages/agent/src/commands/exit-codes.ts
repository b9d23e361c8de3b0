/** `restart`: the agent needs to be started anew to see what there is. As `terraform plan -detailed-exitcode` has them: a difference is no error, and must not look like one. */
export const exitCodes = { ok: 0, error: 1, drift: 2, restart: 3 } as const;

export type ExitCode = number;

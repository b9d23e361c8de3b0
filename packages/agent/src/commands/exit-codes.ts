/** As `terraform plan -detailed-exitcode` has them: a difference is no error, and must not look like one. */
export const exitCodes = { ok: 0, error: 1, drift: 2 } as const;

export type ExitCode = number;

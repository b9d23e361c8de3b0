import manifest from '../package.json' with { type: 'json' };

export const { version } = manifest;

/** What the version command prints: a build that ships says of which commit it is. */
export const versionLine: string =
  typeof HOLDFAST_COMMIT === 'string' ? `${version} (commit ${HOLDFAST_COMMIT})` : version;

declare const HOLDFAST_COMMIT: string | null | undefined;

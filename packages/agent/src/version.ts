import manifest from '../package.json' with { type: 'json' };

/** The agent's version. A bundler puts the JSON inline, so no file is looked for at run time. */
export const version: string = manifest.version;

/** What both bundles have in common: one CommonJS file each, that depends on nothing of where it was built. */
import { dirname } from 'node:path';
import type { BuildOptions } from 'esbuild';

export const repositoryRoot = dirname(dirname(import.meta.dirname));

export function bundleOptions(commit: string | null) {
  return {
    absWorkingDir: repositoryRoot,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    // CommonJS has no import.meta, and node-cron asks for it when it is loaded, for what is not used here. `pathToFileURL`
    // would cost each start 3 ms.
    banner: { js: "const bundleUrl = 'file://' + encodeURI(__filename);" },
    define: { 'import.meta.url': 'bundleUrl', HOLDFAST_COMMIT: JSON.stringify(commit) },
  } as const satisfies BuildOptions;
}

/**
 * Tries AIDE on a tree of our own: names that some builds do not see, an edit that leaves the size, one that leaves the
 * times too, a file that cannot be read any more. What it misses, it would miss on the host.
 */
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { aideConfig } from '@holdfast/shared/aide-config';
import { aidePath, type AideSpec } from '@holdfast/shared/aide-database';
import { AideFields } from '@holdfast/shared/aide-row';
import { encodePathText } from '@holdfast/shared/path-text';
import type { AideProgram } from './aide-process.ts';
import type { AideInstallation } from './find-aide.ts';
import { type AideLook, lookWithAide } from './look-with-aide.ts';
import { leftoverName, openNamelessFile } from './nameless-file.ts';

const top = 't';
const edited = 'same-size';
const forged = 'same-size-and-times';
const hidden = 'unreadable';

/** Names as byte strings, by what an AIDE that misses one is blind to. */
const hostileNames: Readonly<Record<string, readonly string[]>> = {
  'names that are not UTF-8': ['\xff', '\xc3', 'x\xff.conf', '\xff/below'],
  'names with control characters': ['new\nline', 'nl\n', 'tab\t', '\x1f', '\x7f', '\x1b[31m'],
  'names with punctuation': ['sp ace', '"', "'", '\\', '%41', '@@x', '#', '[x]', '*', '$', '!x', '~'],
  'names of 255 bytes': ['n'.repeat(255)],
};

/** What a build may have been made without, though every host has it. */
const expectedAttributes = { acl: 'ACLs', xattrs: 'extended attributes', caps: 'file capabilities' } as const;

const timeLimitMs = 60_000;

/** What this AIDE is blind to; empty: nothing. Rejects if the test itself cannot be made. */
export async function selfTest(
  { program, dialect }: AideInstallation,
  stateDirectory: string,
  signal: AbortSignal,
): Promise<string[]> {
  const root = join(stateDirectory, leftoverName());
  const made = makeTree(root);
  const config = aideConfig({
    scope: { version: 1, paths: [{ path: `/${top}` }] },
    dialect,
    hostRoot: root,
    mounts: [],
  });
  const look = async (baseline: Rows | null, as = program): Promise<Rows> => {
    const database = await openNamelessFile(stateDirectory);
    const lines = new Map<string, string>();
    const unhashed = new Set<string>();
    const onRow = (line: string, spec: AideSpec): void => {
      const path = aidePath(line.slice(0, line.indexOf(' ')));
      lines.set(path, line);
      if (!new AideFields(line, spec).has('sha256')) unhashed.add(path);
    };
    const common = { program: as, config, hostRoot: root, timeLimitMs, stateDirectory, signal };
    const result = await lookWithAide({ ...common, baseline: baseline?.database ?? null, database, onRow });
    return { database, lines, unhashed, result };
  };
  await using files = new AsyncDisposableStack();
  files.defer(() => rm(root, { recursive: true, force: true }));
  const first = await look(null);
  files.use(first.database);
  alter(root);
  const second = await look(first);
  files.use(second.database);
  const third = await look(second, withoutPowers(program));
  files.use(third.database);
  return [
    ...Object.entries(expectedAttributes)
      .filter(([name]) => !dialect.attributes.includes(name as keyof typeof expectedAttributes))
      .map(([, what]) => what),
    ...made.filter(({ path }) => !first.lines.has(path)).map(({ what }) => what),
    ...(isSeen(first, second, edited) ? [] : ['an edit that leaves the size']),
    ...(isSeen(first, second, forged) ? [] : ['an edit that leaves size and times']),
    ...([first, third].some(isSilent) ? ['a file that it cannot read'] : []),
  ].filter((what, i, all) => all.indexOf(what) === i);
}

interface Rows {
  readonly database: Awaited<ReturnType<typeof openNamelessFile>>;
  readonly lines: ReadonlyMap<string, string>;
  /** Paths of which no content was read. */
  readonly unhashed: ReadonlySet<string>;
  readonly result: AideLook;
}

/**
 * Root can read a file that nobody may, unless it gives its powers up: then what it could read before it cannot now, though
 * nothing else has changed. Who is not root cannot read it from the first look on.
 */
function withoutPowers({ path, wrappers }: AideProgram): AideProgram {
  const setpriv = wrappers.find((wrapper) => basename(wrapper) === 'setpriv');
  if (setpriv === undefined || process.getuid?.() !== 0) return { path, wrappers };
  const powers = '-dac_override,-dac_read_search';
  return { path, wrappers: [setpriv, `--inh-caps=${powers}`, `--bounding-set=${powers}`, '--', ...wrappers] };
}

interface Made {
  readonly what: string;
  /** As reported. */
  readonly path: string;
}

/** A name that this file system does not take is left out. */
function makeTree(root: string): Made[] {
  const made: Made[] = [];
  mkdirSync(join(root, top), { recursive: true, mode: 0o700 });
  for (const name of [edited, forged]) writeFileSync(join(root, top, name), 'a');
  writeFileSync(join(root, top, hidden), 'a', { mode: 0 });
  for (const [what, names] of Object.entries(hostileNames)) {
    for (const name of names) {
      const path = `/${top}/${name}`;
      const bytes = Buffer.concat([Buffer.from(root), Buffer.from(path, 'latin1')]);
      try {
        if (names.some((other) => other.startsWith(`${name}/`))) mkdirSync(bytes);
        else writeFileSync(bytes, 'a');
        made.push({ what, path: encodePathText(path) });
      } catch (error) {
        if (!['EILSEQ', 'EINVAL', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? ''))
          throw error;
      }
    }
  }
  return made;
}

function alter(root: string): void {
  writeFileSync(join(root, top, edited), 'b');
  const path = join(root, top, forged);
  const { atime, mtime } = statSync(path);
  writeFileSync(path, 'b');
  utimesSync(path, atime, mtime);
}

/** By the rows, and by what AIDE says. */
function isSeen(before: Rows, after: Rows, name: string): boolean {
  const path = `/${top}/${name}`;
  const { exit, report } = after.result;
  const says = exit === 4 && report.problem === null && report.counts.changed >= 2;
  return says && before.lines.get(path) !== after.lines.get(path);
}

/** It could not read the file, and says nothing of that. Where it could, nothing was asked. */
function isSilent({ unhashed, result }: Rows): boolean {
  const { exit, report, stderr } = result;
  if (!unhashed.has(`/${top}/${hidden}`)) return false;
  return exit === 0 && stderr.total === 0 && (report.problem !== null || report.blindPaths === 0);
}

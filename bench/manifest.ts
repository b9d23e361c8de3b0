/** The arithmetic of 100,000 entries: how long digest and comparison take, without any file or network. */
import { hash } from 'node:crypto';
import { compareManifests } from '@holdfast/shared/compare';
import type { Entry } from '@holdfast/shared/entry';
import { Manifest } from '@holdfast/shared/manifest';
import type { Bench } from './bench.ts';
import { spread } from './table.ts';

const entryCount = 100_000;
const runs = 9;
const scopeDigest = '0'.repeat(64);

export const bench: Bench = {
  async run() {
    const entries = makeEntries((i) => `content ${i}`);
    const onePercent = makeEntries((i) => (i % 100 === 0 ? `other ${i}` : `content ${i}`));
    const allOther = makeEntries((i) => `other ${i}`);
    const built = new Manifest(scopeDigest, entries);
    const rows = [
      ['build from entries', ...milliseconds(() => new Manifest(scopeDigest, entries))],
      [
        'digest, all buckets new',
        ...milliseconds(
          (manifest) => manifest.digest(),
          () => new Manifest(scopeDigest, entries),
        ),
      ],
      [
        'digest after one entry changed',
        ...milliseconds(
          (manifest) => manifest.digest(),
          () => withOneChange(built),
        ),
      ],
      ['compare, equal', ...compareTimes(built, entries)],
      ['compare, 1 % changed', ...compareTimes(built, onePercent)],
      ['compare, all changed', ...compareTimes(built, allOther)],
    ];
    return [
      {
        title: `manifest of ${entryCount.toLocaleString('en')} entries, ${runs} runs`,
        columns: ['what', 'min ms', 'median ms', 'max ms'],
        rows,
      },
    ];
  },
};

function compareTimes(baseline: Manifest, observed: readonly Entry[]): [number, number, number] {
  baseline.digest();
  return milliseconds(
    (manifest) => compareManifests(baseline.buckets(), manifest.buckets()),
    () => {
      const manifest = new Manifest(scopeDigest, observed);
      manifest.digest(); // known from its report, before anyone compares
      return manifest;
    },
  );
}

/** Times `work` on what `prepare` made, which is not timed. */
function milliseconds(
  work: (prepared: Manifest) => unknown,
  prepare?: () => Manifest,
): [number, number, number] {
  const empty = new Manifest(scopeDigest);
  const times: number[] = [];
  for (let run = -2; run < runs; run++) {
    const prepared = prepare?.() ?? empty;
    const start = performance.now();
    work(prepared);
    if (run >= 0) times.push(performance.now() - start); // the first two warm the compiler
  }
  return spread(times);
}

let content = 0;

function withOneChange(manifest: Manifest): Manifest {
  manifest.digest();
  manifest.set(makeEntry(17, `change ${content++}`));
  return manifest;
}

function makeEntries(contentOf: (i: number) => string): Entry[] {
  return Array.from({ length: entryCount }, (_, i) => makeEntry(i, contentOf(i)));
}

function makeEntry(i: number, content: string): Entry {
  const path = `/usr/lib/python3/dist-packages/package-${i % 997}/module-${i}.py`;
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, size: i, sha256: hash('sha256', content) };
}

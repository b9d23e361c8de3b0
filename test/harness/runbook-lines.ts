/** The shell lines of the runbooks and of the weekly review, run as somebody would paste them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryFiles, readRepositoryFile } from '../repository.ts';

export interface Lines {
  readonly where: string;
  readonly text: string;
  /** In which order they can be run: what looks, what acts, what takes the node away, what lets it in again. */
  readonly stage: 'look' | 'act' | 'delete' | 'readmit';
}

const stages = ['look', 'act', 'delete', 'readmit'] as const;
const pages = repositoryFiles.filter(
  (path) => path.startsWith('docs/runbooks/') || path === 'docs/weekly-review.md',
);

/** Block by block, in an order in which each can do its work. What a page assumes (its first block) is left out. */
export function runbookLines(): Lines[] {
  const all = pages.flatMap((page) => {
    const text = readRepositoryFile(page);
    const blocks = text.matchAll(/^ *```\n([\s\S]*?)^ *```$/gm);
    return Array.from(blocks, (block): Lines => {
      const section = text.slice(0, block.index).split(/^## /m).at(-1)!;
      const stage = stageOf(block[1]!);
      const looked = stage === 'act' && block[1]!.includes('looked-at') ? lookIn(section) : '';
      return { where: `${page}, ${section.split('\n')[0]}`, text: looked + block[1]!, stage };
    }).slice(1);
  });
  return stages.flatMap((stage) => all.filter((lines) => lines.stage === stage));
}

/** The block of a section that keeps the tag of what was looked at. */
function lookIn(section: string): string {
  const look = Array.from(section.matchAll(/^ *```\n([\s\S]*?)^ *```$/gm), ([, lines]) => lines!);
  return look.find((lines) => lines.includes('-D looked-at'))!;
}

function stageOf(text: string): Lines['stage'] {
  if (text.includes('-X DELETE')) return 'delete';
  if (text.includes('/readmit')) return 'readmit';
  return text.includes('-X P') ? 'act' : 'look';
}

export interface Ran {
  readonly exit: number;
  /** What was printed, and what the collector has answered to all calls. */
  readonly output: string;
  readonly answers: string;
}

/** In bash; a call that is answered with an error fails. `variables` are what the page assumes. */
export function runLines(text: string, variables: Readonly<Record<string, string>>): Ran {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-runbook-'));
  try {
    const answers = join(directory, 'answers');
    const curl = 'curl() { command curl --fail-with-body "$@" | tee -a "$ANSWERS"; }';
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['-euo', 'pipefail', '-c', `${curl}\n${text.replaceAll('| less', '| cat')}`],
      {
        encoding: 'utf8',
        cwd: directory,
        env: { PATH: process.env['PATH'], ANSWERS: answers, ...variables },
        timeout: 60_000,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const said = existsSync(answers) ? readFileSync(answers, 'utf8') : '';
    return { exit: status ?? -1, output: `${stdout}${stderr}`, answers: said };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The fields that the jq filters of a text read. */
export function fieldsRead(text: string): string[] {
  const filters = Array.from(text.matchAll(/\bjq (?:-r )?(?:'([^']*)'|(\.\w+))/g), ([, quoted, bare]) =>
    (quoted ?? bare!).replaceAll(/"(?:[^"\\]|\\(?!\())*"/g, ' '),
  );
  const names = filters.flatMap((filter) => [
    ...Array.from(filter.matchAll(/\.([A-Za-z]\w*)/g), ([, name]) => name!),
    ...Array.from(filter.matchAll(/[{,]\s*([A-Za-z]\w*)(?=\s*[,}])/g), ([, name]) => name!),
  ]);
  return [...new Set(names)];
}

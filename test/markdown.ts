/** What the documents say, as far as a test can read it. */
import { readRepositoryFile } from './repository.ts';

/** The cells of every table row of a document that begins with a code span, without the marks. */
export function tableRows(path: string, heading?: string): string[][] {
  const text = readRepositoryFile(path);
  const section =
    heading === undefined ? text : (text.split(`\n## ${heading}\n`)[1] ?? '').split('\n## ')[0]!;
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** The code spans of a text, in order. */
export function codeSpans(text: string): string[] {
  return Array.from(text.matchAll(/`([^`]+)`/g), (match) => match[1]!);
}

export interface Link {
  readonly target: string;
  readonly anchor: string | undefined;
}

/** Links to other places of the repository: `[text](path#anchor)`. */
export function localLinks(path: string): Link[] {
  const text = readRepositoryFile(path).replaceAll(/^```[\s\S]*?^```/gm, '');
  return Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1]!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      return { target: file, anchor };
    });
}

/** The anchors that a Markdown file's headings get. */
export function anchorsOf(path: string): string[] {
  const headings = readRepositoryFile(path).matchAll(/^#+ (.+)$/gm);
  return Array.from(headings, ([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

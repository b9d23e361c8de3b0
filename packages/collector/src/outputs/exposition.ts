/**
 * The text format of Prometheus, for series that are written anew at each scrape. A client library keeps an object for
 * each series; a large fleet has hundreds of thousands, and putting them together at once would hold the event loop
 * for most of a second. Here text is made in slices, and others have their turn in between.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Writes one sample of the present family and subject; `labels` are the values of the family's labels, in order. */
export type Sample = (value: number, ...labels: string[]) => void;

/** One metric, for every `Subject`. */
export interface Family<Subject> {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  /** Beside the one that names the subject. */
  readonly labels: readonly string[];
  readonly write: (subject: Subject, sample: Sample) => void;
}

/** Who the subjects are: the label that names each of them. */
export interface Subjects<Subject> {
  readonly label: string;
  readonly all: readonly Subject[];
  readonly nameOf: (subject: Subject) => string;
}

/** How long a slice may hold the event loop, roughly. */
const sliceMillis = 10;
/** A look at the clock for each would cost more than the lines of some families. */
const subjectsPerLook = 64;
/** Of others a few subjects have many lines. */
const charactersPerLook = 64 * 1024;

/** `families` in their order, each with the samples of the subjects in theirs. Not in one piece: copying it would hold the loop too. */
export async function exposition<Subject>(
  families: readonly Family<Subject>[],
  subjects: Subjects<Subject>,
): Promise<Buffer[]> {
  const slices: Buffer[] = [];
  let text = '';
  let until = performance.now() + sliceMillis;
  let lookAt = charactersPerLook;
  const isOver = (i: number) => {
    if (i % subjectsPerLook !== 0 && text.length < lookAt) return false;
    lookAt = text.length + charactersPerLook;
    return performance.now() > until;
  };
  const pause = async () => {
    slices.push(Buffer.from(text));
    text = '';
    lookAt = charactersPerLook;
    await nextTurn();
    until = performance.now() + sliceMillis;
  };
  const names = subjects.all.map((subject) => escapeLabel(subjects.nameOf(subject)));
  for (const family of families) {
    const { name, help, type, write } = family;
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    const lines = new SampleLines(family.labels, (line) => {
      text += line;
    });
    for (const [i, subject] of subjects.all.entries()) {
      lines.begin = `${name}{${subjects.label}="${names[i]}"`;
      write(subject, lines.sample);
      if (isOver(i)) await pause();
    }
    text += '\n';
  }
  slices.push(Buffer.from(text));
  return slices;
}

/** Of one subject alone, without the families of which it has no sample. */
export function expositionOf<Subject>(
  families: readonly Family<Subject>[],
  { label, name: subjectName, subject }: { label: string; name: string; subject: Subject },
): string {
  let text = '';
  for (const { name, help, type, labels, write } of families) {
    let samples = '';
    const lines = new SampleLines(labels, (line) => {
      samples += line;
    });
    lines.begin = `${name}{${label}="${escapeLabel(subjectName)}"`;
    write(subject, lines.sample);
    if (samples !== '') text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`;
  }
  return text;
}

/** Puts the lines of one family together. */
class SampleLines {
  /** Name of the series and label of the subject. */
  begin = '';
  readonly sample: Sample;

  constructor(labels: readonly string[], write: (line: string) => void) {
    const names = labels.map((label) => `,${label}="`);
    this.sample = (value, ...values) => {
      let rest = '';
      for (const [i, name] of names.entries()) rest += `${name}${escapeLabel(values[i] ?? '')}"`;
      write(`${this.begin}${rest}} ${value}\n`);
    };
  }
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    : value;
}

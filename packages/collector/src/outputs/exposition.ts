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

/** `families` in their order, each with the samples of the subjects in theirs. */
export async function exposition<Subject>(
  families: readonly Family<Subject>[],
  subjects: Subjects<Subject>,
): Promise<Buffer> {
  const slices: Buffer[] = [];
  let text = '';
  let until = performance.now() + sliceMillis;
  const pause = async () => {
    slices.push(Buffer.from(text));
    text = '';
    await nextTurn();
    until = performance.now() + sliceMillis;
  };
  const names = subjects.all.map((subject) => escapeLabel(subjects.nameOf(subject)));
  for (const family of families) {
    const { name, help, type, write } = family;
    text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    const labels = family.labels.map((label) => `,${label}="`);
    let subjectLabel = '';
    const sample: Sample = (value, ...values) => {
      let rest = '';
      for (const [i, label] of labels.entries()) rest += `${label}${escapeLabel(values[i] ?? '')}"`;
      text += `${subjectLabel}${rest}} ${value}\n`;
    };
    for (const [i, subject] of subjects.all.entries()) {
      subjectLabel = `${name}{${subjects.label}="${names[i]}"`;
      write(subject, sample);
      if (i % subjectsPerLook === 0 && performance.now() > until) await pause();
    }
    text += '\n';
  }
  slices.push(Buffer.from(text));
  return Buffer.concat(slices);
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    : value;
}

/**
 * Takes secrets out of text that is kept: the values that are known to be secret, in the forms in which programs print
 * them, and what looks like a secret. Redact first and cut afterwards: half a secret would not be known for one.
 */

/** Shorter ones are not looked for: they would be found everywhere. */
export const minSecretLength = 6;
/** With more secrets than these nothing can be kept, and everything is withheld. */
export const maxSecrets = 5000;
export const maxSecretCharacters = 1024 * 1024;

const redacted = '[redacted]';
const withheld = '[withheld: it may hold secrets that are not known]';

const secretName =
  'passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential';

/** In this order: what holds others comes first. */
const patterns: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*-----[\s\S]*?(?:-----END [A-Z ]*-----|$)/g, redacted],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, redacted],
  [/\b(?:hvs|hvb|s)\.[A-Za-z0-9_-]{20,}/g, redacted],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[abposr]-)[\w-]{16,}/g, redacted],
  [/(:\/\/)[^\s/@"']+@/g, `$1${redacted}@`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${redacted}`],
  [
    new RegExp(
      `([\\w-]*(?:${secretName})[\\w-]*["']?\\s*(?:=|:)\\s*)(?:"(?:[^"\\\\]|\\\\.)*"|'[^']*'|[^\\s"'&,;]+)`,
      'gi',
    ),
    `$1${redacted}`,
  ],
  // The middle of a key whose first line was cut off.
  [/^[A-Za-z0-9+/]{64,}={0,2}$/gm, redacted],
];

export class Redactor {
  readonly #secrets = new Set<string>();
  /** By their first characters. */
  readonly #forms = new Map<string, string[]>();
  #characters = 0;
  #isOver = false;

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret);
  }

  /** Each line of a secret of many lines is secret too. */
  add(secret: string): void {
    const parts = secret.includes('\n') ? [secret, ...secret.split(/\r?\n/)] : [secret];
    for (const part of parts) {
      const text = part.trim();
      if (text.length < minSecretLength || this.#secrets.has(text)) continue;
      this.#isOver ||=
        this.#secrets.size >= maxSecrets || this.#characters + text.length > maxSecretCharacters;
      if (this.#isOver) return;
      this.#secrets.add(text);
      for (const form of formsOf(text)) {
        const start = form.slice(0, minSecretLength);
        const alike = this.#forms.get(start);
        if (alike) alike.push(form);
        else this.#forms.set(start, [form]);
      }
      this.#characters += text.length;
    }
  }

  /** From now on nothing is kept: secrets may be there that nobody knows. */
  withhold(): void {
    this.#isOver = true;
  }

  redact(text: string): string {
    if (this.#isOver) return withheld;
    let result = this.#withoutSecrets(text);
    for (const [pattern, replacement] of patterns) result = result.replaceAll(pattern, replacement);
    return result;
  }

  /** The secrets that are known, and nothing else: for names, which may look like secrets. */
  redactKnown(text: string): string {
    return this.#isOver ? withheld : this.#withoutSecrets(text);
  }

  /** Whether one of the secrets stands in `text`, in any form. */
  finds(text: string): boolean {
    return this.#withoutSecrets(text) !== text;
  }

  /** In time that depends on the text, and hardly on how many secrets there are. */
  #withoutSecrets(text: string): string {
    const found = new Set<string>();
    for (let i = 0; i + minSecretLength <= text.length; i++) {
      for (const form of this.#forms.get(text.slice(i, i + minSecretLength)) ?? []) {
        if (text.startsWith(form, i)) found.add(form);
      }
    }
    const longestFirst = [...found].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((result, form) => result.replaceAll(form, redacted), text);
  }
}

function formsOf(secret: string): string[] {
  const encoded = Buffer.from(secret, 'utf8');
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    percentEncoded(secret),
    encoded.toString('hex'),
  ];
  // Base64 of a text that holds the secret shows one of three forms, by where in the text it stands.
  for (const shift of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(shift), encoded]).toString('base64');
    const inner = whole.slice(shift === 0 ? 0 : shift + 1).replace(/.?=+$/, '');
    if (inner.length >= minSecretLength + 2) {
      forms.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
    }
  }
  return [...new Set(forms)].filter((form) => form.length >= minSecretLength);
}

/** A lone surrogate can't be encoded, and is not printed in this form either. */
function percentEncoded(secret: string): string {
  return encodeURIComponent(secret.toWellFormed());
}

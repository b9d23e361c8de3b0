/**
 * Collects the sensitive values of a plan, so that they can be taken out of what is kept about it. Marks are
 * incomplete (an output of `terraform_data` is not marked where its input is): so every equal value goes, wherever it
 * stands, because values are collected and not places.
 */
import { isObject, type Json, type Marks } from '#sweep/core/differences';
import { type Interest, type JsonPath, JsonSplitter } from '#sweep/core/json-splitter';

/** `variables` come before `configuration`, which says which of them are sensitive: their values wait until then. */
const maxVariables = 10_000;

export class SecretsOfPlan {
  readonly #add: (secret: string) => void;
  readonly #splitter: JsonSplitter;
  readonly #variables = new Map<string, Json>();
  #isUnderstood = true;

  constructor(add: (secret: string) => void) {
    this.#add = add;
    this.#splitter = new JsonSplitter(secretsInterest, (path, text) => this.#parse(path, text));
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }

  /** False if the plan was not understood: then not all its secrets are known. */
  end(): boolean {
    return this.#splitter.end() === null && this.#isUnderstood;
  }

  #parse(path: JsonPath, text: string): void {
    try {
      this.#take(path, JSON.parse(text) as Json);
    } catch {
      this.#isUnderstood = false;
    }
  }

  #take(path: JsonPath, value: Json): void {
    const [first = ''] = path;
    const name = path.at(-1) ?? '';
    if (!isObject(value)) return;
    if (first === 'variables') {
      if (this.#variables.size < maxVariables) this.#variables.set(name, value['value'] ?? null);
    } else if (first === 'configuration') {
      if (value['sensitive'] !== true) return;
      for (const secret of [this.#variables.get(name), value['default']]) this.#collect(secret ?? null, true);
    } else if (first === 'prior_state' || first === 'planned_values') {
      this.#collect(
        value['values'] ?? value['value'] ?? null,
        value['sensitive_values'] ?? value['sensitive'],
      );
    } else {
      const change = isObject(value['change'] ?? null) ? (value['change'] as { [key: string]: Json }) : value;
      this.#collect(change['before'] ?? null, change['before_sensitive']);
      this.#collect(change['after'] ?? null, change['after_sensitive']);
    }
  }

  #collect(value: Json, marks: Marks): void {
    if (value === null || marks === undefined || marks === null || marks === false) return;
    if (typeof value === 'object') {
      for (const [key, part] of Object.entries(value as { readonly [key: string]: Json })) {
        const inner =
          marks === true || typeof marks !== 'object' ? marks : (marks as { [key: string]: Json })[key];
        this.#collect(part, inner);
      }
    } else if (marks === true && typeof value !== 'boolean') this.#add(String(value));
  }
}

export function secretsInterest(path: JsonPath): Interest {
  const [first = '', second] = path;
  switch (first) {
    case '':
      return 'enter';
    case 'resource_changes':
    case 'resource_drift':
    case 'output_changes':
    case 'variables':
      return path.length === 1 ? 'enter' : 'take';
    case 'configuration':
      return ['configuration', 'root_module', 'variables'].every((name, i) => (path[i] ?? name) === name)
        ? path.length > 3
          ? 'take'
          : 'enter'
        : 'skip';
    case 'prior_state':
    case 'planned_values':
      return stateInterest(
        first === 'prior_state' && second === 'values' ? path.slice(2) : path.slice(1),
        second,
      );
    default:
      return 'skip';
  }
}

/** In `root_module` and the modules in it, the resources; beside it, the outputs. */
function stateInterest(path: JsonPath, second: string | undefined): Interest {
  if (path.length === 0 || second === undefined) return 'enter';
  if (path[0] === 'outputs') return path.length === 1 ? 'enter' : 'take';
  if (path[0] !== 'root_module') return 'skip';
  const inside = path.slice(1).filter((name) => name !== 'child_modules' && name !== '*');
  if (inside.length === 0) return 'enter';
  if (inside[0] !== 'resources' || inside.length > 1) return 'skip';
  return path.at(-1) === 'resources' ? 'enter' : 'take';
}

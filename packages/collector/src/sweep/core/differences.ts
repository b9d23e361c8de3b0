/** Where the values before and after a change differ. Values are looked at here, and leave only as a hash. */
import { createHmac } from 'node:crypto';
import { maxAttributeLength } from '#sweep/core/stack-result';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** As Terraform writes them: `true` marks a value and all that is in it, an object or a list marks parts. */
export type Marks = Json | undefined;

export interface ValueChange {
  readonly before: Json;
  readonly after: Json;
  /** Known only after the change is applied. */
  readonly unknown: Marks;
  readonly sensitive: readonly [before: Marks, after: Marks];
}

export interface Difference {
  /** As in `tags.Name`: never a part of a sensitive value, of a list or of a set. */
  readonly attribute: string;
  readonly before: Json;
  /** Undefined if it is not known yet. */
  readonly after: Json | undefined;
}

/** Deeper than this a value is compared as a whole. */
const maxDepth = 12;

export function differencesOf(change: ValueChange): Difference[] {
  const found: Difference[] = [];
  walk(change, [], found);
  return found;
}

function walk(change: ValueChange, path: readonly string[], found: Difference[]): void {
  const { before, after, unknown, sensitive } = change;
  const isSensitive = sensitive.includes(true);
  const wasThere = isObject(before);
  const willBe = isObject(after);
  // What is created or deleted differs by all it holds; the names of its attributes say enough.
  const descends = path.length === 0 ? wasThere || willBe : wasThere && willBe;
  if (unknown !== true && !isSensitive && descends && path.length < maxDepth) {
    for (const key of keysOf(before, after, unknown)) {
      walk(
        {
          before: partOf(before, key),
          after: partOf(after, key),
          unknown: marksOf(unknown, key),
          sensitive: [marksOf(sensitive[0], key), marksOf(sensitive[1], key)],
        },
        [...path, key],
        found,
      );
    }
    return;
  }
  const attribute = attributeName(path);
  if (holdsTrue(unknown)) found.push({ attribute, before, after: undefined });
  else if (canonicalJson(before) !== canonicalJson(after)) found.push({ attribute, before, after });
}

/** 32 hexadecimal digits. Without the salt nobody can try values against it. */
export function saltedHash(salt: string, content: Json): string {
  return createHmac('sha256', salt).update(canonicalJson(content)).digest('hex').slice(0, 32);
}

/** The same text for the same value, whatever the order of its keys. */
export function canonicalJson(value: Json): string {
  if (!isObject(value) && !Array.isArray(value)) return JSON.stringify(value);
  if (!isObject(value)) return `[${(value as readonly Json[]).map(canonicalJson).join()}]`;
  const pairs = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key]!)}`);
  return `{${pairs.join()}}`;
}

export function isObject(value: Marks): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function keysOf(...values: Marks[]): string[] {
  return [...new Set(values.flatMap((value) => (isObject(value) ? Object.keys(value) : [])))].sort();
}

/** An attribute that is not there is null: Terraform leaves out what is not known, and null means not set. */
function partOf(value: Json, key: string): Json {
  return isObject(value) && Object.hasOwn(value, key) ? value[key]! : null;
}

function marksOf(marks: Marks, key: string): Marks {
  return isObject(marks) && Object.hasOwn(marks, key) ? marks[key] : undefined;
}

function holdsTrue(marks: Marks): boolean {
  if (typeof marks !== 'object' || marks === null) return marks === true;
  return Object.values(marks).some(holdsTrue);
}

function attributeName(path: readonly string[]): string {
  const name = path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
  return name.slice(0, maxAttributeLength);
}

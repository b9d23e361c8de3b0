/** A schema as a check of values. Compiled when it is first asked: a command that starts needs few of the schemas that it knows. */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/schema';
import type { SchemaError } from './schema-problems.ts';

export interface Shape<T> {
  check(value: unknown): value is T;
  /** None if `value` has the shape. */
  errors(value: unknown): readonly SchemaError[];
}

export function shapeOf<S extends TSchema>(schema: S): Shape<Static<S>> {
  let compiled: ReturnType<typeof Compile> | undefined;
  const validator = () => (compiled ??= Compile(schema));
  return {
    check: (value): value is Static<S> => validator().Check(value),
    errors: (value) => validator().Errors(value)[1],
  };
}

/** What a schema finds wrong with a value, in words for who wrote the value and never saw the schema. */

/** As TypeBox and Ajv tell it. */
export interface SchemaError {
  readonly instancePath: string;
  readonly message?: string | undefined;
  readonly keyword?: string;
  readonly params?: unknown;
}

const names: Readonly<Record<string, string>> = {
  object: 'a mapping of names to values',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
};

/** One line each, `/where: what`; each place once. */
export function schemaProblems(errors: readonly SchemaError[]): string[] {
  const problems = errors.flatMap((error) => {
    const what = problemOf(error);
    return what === null ? [] : [`${error.instancePath || '/'}: ${what}`];
  });
  return [...new Set(problems)];
}

/** Null: another error says the same better. */
function problemOf({ keyword, message, params = {} }: SchemaError): string | null {
  const given = params as Readonly<Record<string, unknown>>;
  switch (keyword) {
    case 'boolean': // what TypeBox says of the unknown member itself
      return 'is not known here';
    case 'additionalProperties':
      return null;
    case 'required':
      return `lacks ${listOf(given['requiredProperties'] ?? given['missingProperty'])}`;
    case 'const':
      return `must be ${JSON.stringify(given['allowedValue'])}`;
    case 'enum':
      return `must be one of ${listOf(given['allowedValues'])}`;
    case 'type':
      return `must be ${[given['type']]
        .flat()
        .map((type) => names[String(type)] ?? String(type))
        .join(' or ')}`;
    case 'minItems':
      return `must have at least ${String(given['limit'])}`;
    default:
      return message ?? 'is not as it should be';
  }
}

function listOf(values: unknown): string {
  return [values].flat().map(String).join(', ');
}

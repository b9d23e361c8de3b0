/** A dashboard of Grafana, as far as a test needs to know it, and its queries as Grafana would send them. */

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly links?: readonly { readonly url: string }[];
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: { readonly type: string; readonly uid: string };
  }[];
}

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly multi?: boolean;
  readonly includeAll?: boolean;
  readonly allValue?: string;
}

export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly links: readonly { readonly url: string }[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

export interface Query {
  /** Panel and letter. */
  readonly where: string;
  readonly expr: string;
}

export function queriesOf({ panels }: Dashboard): Query[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => ({ where: `${title} ${refId}`, expr })),
  );
}

/** What Grafana knows by itself, for a range of an hour that is drawn in steps of 15 s. */
const intervals = { __interval: '15s', __rate_interval: '1m', __range: '1h' };

/** `expr` with every variable replaced; throws at one that has no value. */
export function substitute(expr: string, values: Readonly<Record<string, string>>): string {
  const known: Readonly<Record<string, string>> = { ...values, ...intervals };
  // `$1` is no variable: label_replace has it.
  return expr.replaceAll(/\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g, (text, braced?: string, bare?: string) => {
    const value = known[braced ?? bare ?? ''];
    if (value === undefined) throw new Error(`no value for ${text} in ${expr}`);
    return value;
  });
}

/** `label_values(selector, label)`. */
export function labelValuesQuery({ name, query }: Variable): { selector: string; label: string } {
  const text = typeof query === 'string' ? query : query.query;
  const [, selector, label] = /^label_values\((.+), *(\w+)\)$/.exec(text) ?? [];
  if (selector === undefined || label === undefined) throw new Error(`variable ${name}: ${text}`);
  return { selector, label };
}

/** A chosen value as Grafana writes it into a regular expression. */
export function asRegex(value: string): string {
  return value.replaceAll(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');
}

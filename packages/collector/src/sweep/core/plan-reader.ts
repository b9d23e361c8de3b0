/** Reads the JSON of a plan piece by piece, and keeps of it what a judgement needs: no value, only hashes. */
import { differencesOf, isObject, saltedHash, type ValueChange } from '#sweep/core/differences';
import { type Interest, type JsonPath, JsonSplitter } from '#sweep/core/json-splitter';
import {
  isOutputElement,
  isRelevantElement,
  isResourceElement,
  type OutputElement,
  type ResourceElement,
} from '#sweep/core/plan-schema';
import { type ChangeAction, maxAddressLength, maxAttributesPerChange } from '#sweep/core/stack-result';

/** More changes than these in one plan are not read: the plan is then not understood. */
export const maxPlanChanges = 20_000;

export interface PlannedChange {
  readonly address: string;
  readonly type: string;
  readonly module: string;
  readonly action: ChangeAction;
  /** Those whose value after is known, or if there are none, those that are not. Sorted. */
  readonly attributes: readonly string[];
  readonly fingerprint: string;
  readonly unsettled: boolean;
}

/** A resource that was found otherwise than it was left. */
export interface OutsideChange {
  readonly address: string;
  readonly type: string;
  readonly module: string;
  readonly action: 'update' | 'delete';
  readonly attributes: readonly string[];
  readonly fingerprint: string;
}

export interface PlanFacts {
  readonly planned: readonly PlannedChange[];
  readonly outside: readonly OutsideChange[];
  /** Addresses without indexes and the attributes that led to what is planned, as in `tags.Name`. */
  readonly relevant: readonly { readonly resource: string; readonly attribute: string }[];
  /** Managed resources that exist. */
  readonly resources: number;
  /** Those of them that a plan looks at: not what it imports, and not what it only removes from the state. */
  readonly lookedAt: number;
  /** Data sources that would be read while applying. */
  readonly dataReads: number;
  readonly errored: boolean;
  /** Terraform put part of the plan off; OpenTofu never says so. */
  readonly isComplete: boolean;
}

const scalars = ['format_version', 'errored', 'complete'];
const lists = ['resource_changes', 'resource_drift', 'output_changes', 'relevant_attributes'];

export function planInterest(path: JsonPath): Interest {
  const [first = ''] = path;
  if (path.length === 0) return 'enter';
  if (path.length === 1) return scalars.includes(first) ? 'take' : lists.includes(first) ? 'enter' : 'skip';
  return 'take';
}

export class PlanReader {
  readonly #salt: string;
  readonly #splitter: JsonSplitter;
  readonly #planned: PlannedChange[] = [];
  readonly #outside: OutsideChange[] = [];
  readonly #relevant: { resource: string; attribute: string }[] = [];
  #resources = 0;
  #lookedAt = 0;
  #dataReads = 0;
  #errored = false;
  #isComplete = true;
  #version: unknown = null;
  #isPlan = false;
  #problem: string | null = null;

  constructor(salt: string) {
    this.#salt = salt;
    const interest = (path: JsonPath) => {
      if (path.length === 1 && path[0] === 'planned_values') this.#isPlan = true;
      return planInterest(path);
    };
    this.#splitter = new JsonSplitter(interest, (path, text) => this.#take(path, text));
  }

  push(chunk: Buffer): void {
    this.#splitter.push(chunk);
  }

  /** The plan, or why it is not understood. */
  end(): PlanFacts | { readonly problem: string } {
    const problem = this.#splitter.end() ?? this.#problem;
    if (problem !== null) return { problem };
    if (typeof this.#version !== 'string' || !this.#version.startsWith('1.')) {
      return { problem: `its format version is ${JSON.stringify(this.#version)}, not 1.x` };
    }
    // The JSON of a state begins alike, and would be a plan that changes nothing.
    if (!this.#isPlan) return { problem: 'it has no planned values, so it is no plan' };
    return {
      planned: this.#planned,
      outside: this.#outside,
      relevant: this.#relevant,
      resources: this.#resources,
      lookedAt: this.#lookedAt,
      dataReads: this.#dataReads,
      errored: this.#errored,
      isComplete: this.#isComplete,
    };
  }

  #take([list = '', name = '']: JsonPath, text: string): void {
    if (this.#problem !== null) return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.#problem = `a value of ${list} is no JSON`;
      return;
    }
    const isUnderstood = this.#keep(list, name, value);
    if (!isUnderstood) this.#problem = `an element of ${list} is of an unknown shape`;
    else if (this.#planned.length + this.#outside.length > maxPlanChanges) {
      this.#problem = `it holds more than ${maxPlanChanges} changes`;
    }
  }

  #keep(list: string, name: string, value: unknown): boolean {
    switch (list) {
      case 'format_version':
        this.#version = value;
        return true;
      case 'errored':
        this.#errored = value === true;
        return true;
      case 'complete':
        this.#isComplete = value !== false;
        return true;
      case 'relevant_attributes':
        if (!isRelevantElement(value)) return false;
        this.#relevant.push({
          resource: withoutIndexes(value.resource),
          attribute: value.attribute.filter((step) => typeof step === 'string').join('.'),
        });
        return true;
      case 'output_changes':
        return isOutputElement(value) && this.#keepOutput(name, value);
      case 'resource_drift':
        return isResourceElement(value) && this.#keepOutside(value);
      default:
        return isResourceElement(value) && this.#keepPlanned(value);
    }
  }

  #keepPlanned(element: ResourceElement): boolean {
    const { actions, before } = element.change;
    if (element.mode === 'data') {
      if (actions[0] === 'read') this.#dataReads += 1;
      return true;
    }
    if ((before ?? null) !== null && element.deposed === undefined) {
      this.#resources += 1;
      if (!isObject(element.change.importing) && actions[0] !== 'forget') this.#lookedAt += 1;
    }
    const action = actionOf(element);
    if (action === undefined) return false;
    if (action !== null) this.#planned.push(this.#describe(element, action));
    return true;
  }

  #keepOutside(element: ResourceElement): boolean {
    const [action, ...more] = element.change.actions;
    if (more.length > 0 || (action !== 'update' && action !== 'delete' && action !== 'no-op')) return false;
    if (action === 'no-op') return true; // moved, and found as it was
    const { unsettled: _, ...change } = this.#describe(element, action);
    this.#outside.push({ ...change, action });
    return true;
  }

  #keepOutput(name: string, element: OutputElement): boolean {
    if (element.actions.every((action) => action === 'no-op')) return true;
    const change = { address: `output.${name}`, type: 'output', change: element };
    this.#planned.push(this.#describe(change, 'output'));
    return true;
  }

  #describe(element: ResourceElement, action: ChangeAction): PlannedChange {
    const differences = differencesOf(valueChange(element.change));
    const known = differences.filter(({ after }) => after !== undefined);
    const attributes = (known.length > 0 ? known : differences).map(({ attribute }) => attribute);
    const module = withoutIndexes(element.module_address ?? '').slice(0, maxAddressLength);
    const values = differences.map(({ attribute, before, after }) => [attribute, before, after ?? '?']);
    return {
      address: element.address.slice(0, maxAddressLength),
      type: element.type.slice(0, 256),
      module,
      action,
      attributes: [...new Set(attributes)].sort().slice(0, maxAttributesPerChange),
      fingerprint: saltedHash(this.#salt, [element.type, module, action, values]),
      unsettled:
        (action === 'update' || action === 'replace') && differences.length > 0 && known.length === 0,
    };
  }
}

/** Null: nothing is done. Undefined: not understood. */
function actionOf({
  address,
  previous_address: previous,
  change,
}: ResourceElement): ChangeAction | null | undefined {
  switch (change.actions.join()) {
    case 'no-op':
      if (isObject(change.importing)) return 'import';
      return previous !== undefined && previous !== address ? 'move' : null;
    case 'create':
    case 'update':
    case 'delete':
    case 'forget':
      return change.actions[0] as ChangeAction;
    case 'delete,create':
    case 'create,delete':
    case 'create,forget':
    case 'forget,create':
      return 'replace';
    default:
      return undefined;
  }
}

function valueChange(change: OutputElement): ValueChange {
  return {
    before: change.before ?? null,
    after: change.after ?? null,
    unknown: change.after_unknown,
    sensitive: [change.before_sensitive, change.after_sensitive],
  };
}

/** `module.a["x"].aws_instance.b[0]` is `module.a.aws_instance.b`. A key may hold brackets and escaped quotes. */
export function withoutIndexes(address: string): string {
  return address.replaceAll(/\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\]/g, '');
}

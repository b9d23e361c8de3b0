/**
 * How one stack ended a sweep. One schema for the store, the API and a sweep that ran apart and sends its results.
 *
 * Nothing of a plan is in it but addresses, actions, names of attributes and salted hashes; what a program printed is
 * kept redacted, and only of a stack that could not be measured.
 */
import type { Static } from 'typebox';
import * as Type from 'typebox';

/** Every discovered stack ends a sweep with exactly one. */
export const outcomes = [
  'clean',
  'drift',
  'pending',
  'state',
  'error',
  'timeout',
  'unmeasured',
  'excluded',
] as const;
export type Outcome = (typeof outcomes)[number];

/** `drift`: the world moved. `pending`: the code moved. `state`: moves, imports, removals from the state, outputs only. */
export const causes = ['drift', 'pending', 'state'] as const;
export type Cause = (typeof causes)[number];

/** Where an error arose. */
export const phases = [
  'checkout',
  'prepare',
  'auth',
  'init',
  'backend',
  'lock',
  'config',
  'provider',
  'crash',
] as const;
export type Phase = (typeof phases)[number];

/** What a plan would do. `move`, `import` and `forget` change the state alone; `output` is a root output's value. */
export const changeActions = [
  'create',
  'update',
  'replace',
  'delete',
  'move',
  'import',
  'forget',
  'output',
] as const;
export type ChangeAction = (typeof changeActions)[number];

export const maxStackNameLength = 512;
export const maxAddressLength = 1024;
export const maxAttributesPerChange = 50;
export const maxAttributeLength = 256;
/** How many changes of one stack are listed; the rest is counted. */
export const maxChangesPerStack = 200;
export const maxDiagnosticLength = 2000;

const strict = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Millis = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Fingerprint = Type.String({ pattern: '^[0-9a-f]{32}$' });
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

/** The path of a stack's directory from the root of the source, as in `stacks/network`. */
export const StackName = Type.String({ minLength: 1, maxLength: maxStackNameLength });

export const ChangedResource = Type.Object(
  {
    address: Type.String({ maxLength: maxAddressLength }),
    /** As in `aws_instance`; `output` for a root output. */
    type: Type.String({ maxLength: 256 }),
    /** As in `module.network.module.subnet`, without indexes; empty in the root module. */
    module: Type.String({ maxLength: maxAddressLength }),
    /** What the plan would do; for a hidden change, what happened outside. */
    action: Type.Enum([...changeActions]),
    /** Whether the resource was found changed or gone outside of the code. */
    outside: nullable(Type.Enum(['update', 'delete'])),
    cause: Type.Enum([...causes]),
    /** Names only, sorted, as in `tags.Name`; at most {@link maxAttributesPerChange}. */
    attributes: Type.Array(Type.String({ maxLength: maxAttributeLength }), {
      maxItems: maxAttributesPerChange,
    }),
    /** A salted hash over type, module, action, the names of the attributes and their values before and after. */
    fingerprint: Fingerprint,
    /** A change outside that the configuration ignores: counted, and not drift. */
    hidden: Type.Boolean(),
    /** An update or replacement of which no differing value is known before it is applied, as by `timestamp()`. */
    unsettled: Type.Boolean(),
  },
  strict,
);
export type ChangedResource = Static<typeof ChangedResource>;

export const StackResult = Type.Object(
  {
    stack: StackName,
    outcome: Type.Enum([...outcomes]),
    /** Of an error; else null. */
    phase: nullable(Type.Enum([...phases])),
    /** Why it is not measured, or not confirmed; redacted. */
    diagnostic: nullable(Type.String({ maxLength: maxDiagnosticLength })),
    /** Without those that a rule ignores. What is not hidden comes first. */
    changes: Type.Array(ChangedResource, { maxItems: maxChangesPerStack }),
    /** How many changes there are by action, also those over the limit; without hidden and ignored ones. */
    changeCounts: Type.Partial(Type.Record(Type.Enum([...changeActions]), Count)),
    hiddenChanges: Count,
    /** Managed resources in the plan; null if there is no plan. */
    resources: nullable(Count),
    /** Of the whole difference, hidden and ignored changes apart; null if there is none. */
    fingerprint: nullable(Fingerprint),
    excludedBecause: nullable(Type.String({ maxLength: 1000 })),
    /** How many changes each rule has ignored. */
    ignored: Type.Array(Type.Object({ rule: Type.String({ maxLength: 2000 }), count: Count }, strict)),
    /** Null if its plan was never begun. */
    startedAt: nullable(Millis),
    /** Of the newest plan, with what belongs to it. */
    durationMs: nullable(Millis),
    /** It differs, and a second plan against the newest commit said so too. */
    confirmed: Type.Boolean(),
    /** It differed at first and is clean against the newest commit: the checkout was stale. */
    reclassified: Type.Boolean(),
  },
  strict,
);
export type StackResult = Static<typeof StackResult>;

/** Outcomes that say what a stack differs by, worst first. */
export function causeOf(outcome: Outcome): Cause | null {
  return outcome === 'drift' || outcome === 'pending' || outcome === 'state' ? outcome : null;
}

/** Whether the outcome is a measurement. */
export function isMeasured(outcome: Outcome): boolean {
  return outcome === 'clean' || causeOf(outcome) !== null;
}

/** What an operator has said about a known difference. */

export interface StackRule {
  /** Names the rule in results and reports; unique. */
  readonly id: string;
  /** `ignore`: what it matches is not told. `promote`: a hidden change that it matches is drift. */
  readonly effect: 'ignore' | 'promote';
  /** A path glob without leading slash, as in `stacks/*`; it takes in everything below what it matches. */
  readonly stack: string;
  /** `*` any characters, `?` one, all others stand for themselves: `module.a["x"].null_resource.*`, `output.*`. */
  readonly address: string;
  /** Same wildcards. A change is matched if all attributes that differ are; null: whatever differs. */
  readonly attributes: readonly string[] | null;
  readonly reason: string;
  readonly owner: string;
  /** The first millisecond at which it no longer holds; null: never. */
  readonly until: number | null;
}

/** What a sweep made of a rule. */
export interface RuleUse {
  readonly rule: string;
  /** Changes that it matched and acted upon. */
  readonly matched: number;
  readonly expired: boolean;
}

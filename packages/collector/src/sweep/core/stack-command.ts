/**
 * The commands that children run. Holdfast adds nothing but plan, show and init, each with flags that ask nothing,
 * lock nothing and write nothing but the plan file. A wrapper that an operator names may do more; it is theirs.
 */

/** Words that would make something else of a plan, part of it or what does not look at the world; or of many stacks one. */
const refused =
  /^(?:apply|destroy|import|taint|untaint|-{1,2}(?:destroy|auto-approve|all|refresh|refresh-only|target|target-file|exclude|exclude-file|replace|lock|out|generate-config-out|json|detailed-exitcode|input)(?:=.*)?|run-all|plan-all)$/;

/** What is wrong with the configured command, or null. */
export function commandProblem(command: readonly string[]): string | null {
  if (command.indexOf('plan') < 1) return 'must hold the word plan after a program, as in [terragrunt, plan]';
  const strange = command.find((word) => refused.test(word));
  if (strange !== undefined) {
    return `must not hold ${strange}: a sweep plans whole stacks one by one, and adds the flags that it needs`;
  }
  return command.some((word) => word === '' || word.includes('\0')) ? 'must hold no empty word' : null;
}

export function planCommand(command: readonly string[], planFile: string): string[] {
  const flags = ['-json', '-input=false', '-lock=false', '-detailed-exitcode', `-out=${planFile}`];
  return [...beforePlan(command), 'plan', ...flags, ...command.slice(command.lastIndexOf('plan') + 1)];
}

export function showCommand(command: readonly string[], planFile: string): string[] {
  return [...beforePlan(command), 'show', '-json', planFile];
}

/** With a lock file that is there, `init` must not choose other versions of providers than those that it names. */
export function initCommand(command: readonly string[], hasLockFile: boolean): string[] {
  const flags = ['-input=false', '-no-color', ...(hasLockFile ? ['-lockfile=readonly'] : [])];
  return [...beforePlan(command), 'init', ...flags];
}

function beforePlan(command: readonly string[]): readonly string[] {
  return command.slice(0, command.lastIndexOf('plan'));
}

import { type Command, Option } from 'commander';
import { describeOptions } from '@holdfast/shared/options';
import { agentOptions } from '../options.ts';

type OptionName = keyof typeof agentOptions;

/** Gives a command a flag for each of `names` (default: all), without a default: that comes after the other sources. */
export function addConfigFlags(command: Command, names?: readonly OptionName[]): Command {
  command.optionsGroup('Configuration (flags win, then environment, then file):');
  command.option('--config <FILE>', 'YAML with the names below in lower camel case');
  for (const { name, flag, environment, placeholder, doc, defaultText } of describeOptions(agentOptions)) {
    if (names && !names.some((wanted) => wanted === name)) continue;
    if (flag === null) continue;
    command.addOption(
      new Option(`${flag} <${placeholder}>`, `${doc} (${environment}; default: ${defaultText})`),
    );
  }
  return command;
}

/** What the commands that only look at files obey. */
export const lookOptions = ['hostRoot', 'scopeFile', 'maxFileMib'] as const satisfies readonly OptionName[];

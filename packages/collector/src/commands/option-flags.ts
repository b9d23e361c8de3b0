/** The option table as command-line flags and as the text of --help. */
import { describeOptions, type OptionTable } from '@holdfast/shared/options';
import { type Command, Option } from 'commander';

/** Adds `--config` and a flag for each option of `table` that is no secret. */
export function addOptionFlags(command: Command, table: OptionTable): Command {
  command.option('--config <FILE>', 'YAML file with options, by their names in lower camel case');
  for (const { flag, placeholder, doc, environment, defaultText } of describeOptions(table)) {
    if (flag === null) continue;
    const description = `${doc} [${environment}; default: ${defaultText}]`;
    command.addOption(new Option(`${flag} <${placeholder}>`, description));
  }
  const secrets = describeOptions(table).filter(({ flag }) => flag === null);
  if (secrets.length > 0) {
    const names = secrets.map(({ environment, doc }) => `  ${environment}  ${doc}`);
    command.addHelpText(
      'after',
      `\nBy the environment or the file only, because they are secrets:\n${names.join('\n')}`,
    );
  }
  return command;
}

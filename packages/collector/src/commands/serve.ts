import { once } from 'node:events';
import { Command } from 'commander';
import { serviceManager } from '@holdfast/shared/service-manager';
import { collectorOptions } from '../config.ts';
import { keepNotifying } from '../keep-notifying.ts';
import { loadConfig } from '../load-config.ts';
import { createLog } from '../log.ts';
import { startCollector } from '../run.ts';
import { addOptionFlags } from './option-flags.ts';
import type { CommandContext } from './program.ts';

export function serveCommand({ environment, self, stop, stdout }: CommandContext): Command {
  const command = new Command('serve')
    .description('Take reports, decide what is drift, and answer. Runs until SIGTERM or SIGINT.')
    .allowExcessArguments(false);
  return addOptionFlags(command, collectorOptions).action(async (flags: Record<string, string>) => {
    const config = loadConfig({ environment, flags, configFile: flags['config'] ?? null });
    const log = createLog(config.logLevel, stdout);
    await using parts = new AsyncDisposableStack();
    const collector = parts.use(await startCollector(config, { log, self, environment }));
    const manager = serviceManager(environment, process.pid);
    if (manager) parts.use(keepNotifying({ manager, check: () => collector.check(), log }));
    if (!stop.aborted) await once(stop, 'abort');
    log.info({ url: collector.url }, 'stopping');
  });
}

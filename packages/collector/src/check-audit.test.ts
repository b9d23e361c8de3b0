import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { databaseName } from '#store/sqlite-store';
import { file, openTestStore, TestAgent } from '#store/test-node';
import { checkAudit } from './check-audit.ts';
import { checkDatabase } from './commands/doctor/database.ts';
import { loadConfig } from './load-config.ts';

test('an audit that was tampered with is told at the start and by doctor', async () => {
  await using opened = await openTestStore();
  const agent = new TestAgent('n1', [file('/etc/hosts')]);
  await agent.introduce(opened.store);
  await agent.tell(opened.store, [file('/etc/hosts', 'b')]);
  await agent.mustAccept(opened.store, { reason: 'change number 7' });
  const { dataDir } = opened;
  const told = async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line) => void lines.push(line) });
    await checkAudit(opened.store, log, new AbortController().signal);
    const findings = await checkDatabase(
      loadConfig({ flags: { dataDir }, environment: {}, configFile: null }),
    );
    const { level, what } = findings.find(({ name }) => name === 'audit')!;
    return { log: lines.join(''), level, what };
  };
  const before = await told();
  assert.deepEqual([before.log, before.level], ['', 'ok']);
  assert.match(before.what, /^\d+ records, and the chain holds$/);

  await opened.store[Symbol.asyncDispose]();
  const path = join(dataDir, databaseName);
  const bytes = await readFile(path);
  for (let at = bytes.indexOf('change number 7'); at !== -1; at = bytes.indexOf('change number 7', at + 1))
    bytes[at] = 'C'.charCodeAt(0);
  await writeFile(path, bytes);
  await opened.reopen();
  const after = await told();
  assert.equal(after.level, 'FAIL');
  assert.match(after.what, /is not what was written/);
  assert.match(after.log, /"level":50.*the audit log was tampered with/);
});

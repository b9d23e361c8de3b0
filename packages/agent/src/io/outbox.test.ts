import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ObservedChange } from '#core/observation';
import type { Outbox } from '#core/outbox';
import { openOutbox, type OutboxOptions } from '#io/outbox';
import { openStateDirectory } from '#io/state-directory';
import { needMount } from '../../../../test/need.ts';
import { quietLog } from '../observe/quiet-log.ts';

const everything = { maxEvents: 1_000_000, maxBytes: 1e9 };

function change(n: number): ObservedChange {
  const entry = { path: `/etc/file-${n}`, type: 'file', mode: 0o644, sha256: 'a'.repeat(64) } as const;
  return { at: '2026-01-01T00:00:00.000Z', net: 'watch', path: entry.path, before: null, after: entry };
}

function changes(from: number, to: number): ObservedChange[] {
  return Array.from({ length: to - from + 1 }, (_, i) => change(from + i));
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-outbox-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

type Tuning = Pick<OutboxOptions, 'maxBytes' | 'maxEvents' | 'retryMs'>;

/** Opens the outbox, hands it over, and closes it as the end of a process would. */
async function using<T>(path: string, use: (outbox: Outbox) => Promise<T>, tuning: Tuning = {}): Promise<T> {
  await using stateDirectory = await openStateDirectory(path);
  await using outbox = await openOutbox({ stateDirectory, log: quietLog, clock: Date.now, ...tuning });
  return await use(outbox);
}

async function positions(outbox: Outbox): Promise<number[]> {
  const { events } = await outbox.read(everything);
  return events.map((event) => event.position);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

async function newestSegment(path: string): Promise<string> {
  const names = await readdir(join(path, 'outbox'));
  return join(path, 'outbox', names.sort().at(-1)!);
}

test('events wait in order, over restarts, until they are acknowledged', async (t) => {
  const path = await temporaryDirectory(t);
  const journal = await using(path, async (outbox) => {
    outbox.append(changes(1, 3));
    assert.equal(outbox.waiting, 3);
    assert.equal(await outbox.settled(), true);
    const { events } = await outbox.read(everything);
    assert.deepEqual(events[1], { position: 2, ...change(2) });
    outbox.acknowledge(outbox.journal, 2);
    return outbox.journal;
  });
  await using(path, async (outbox) => {
    assert.equal(outbox.journal, journal);
    outbox.append(changes(4, 4));
    assert.deepEqual(await positions(outbox), [3, 4]);
    outbox.acknowledge('f'.repeat(32), 4);
    assert.equal(outbox.waiting, 2, 'another journal’s positions mean nothing here');
    outbox.acknowledge(journal, 4);
  });
  await using(path, async (outbox) => {
    assert.equal(outbox.waiting, 0);
    outbox.append(changes(5, 5));
    assert.deepEqual(await positions(outbox), [5], 'a position is never given twice');
    assert.equal(outbox.degraded, null);
  });
});

test('a journal that has no events keeps its id over restarts', async (t) => {
  const path = await temporaryDirectory(t);
  const id = await using(path, async (outbox) => outbox.journal);
  assert.equal(await using(path, async (outbox) => outbox.journal), id);
});

test('a read is bounded by events and by bytes, and never skips', async (t) => {
  const path = await temporaryDirectory(t);
  await using(path, async (outbox) => {
    for (let n = 1; n <= 200; n++) {
      outbox.append([change(n)]);
      if (n % 20 === 0) await outbox.settled();
    }
    assert.equal((await outbox.read({ maxEvents: 7, maxBytes: 1e9 })).events.length, 7);
    const few = (await outbox.read({ maxEvents: 1000, maxBytes: 1000 })).events;
    assert.ok(few.length > 0 && few.length < 100, `${few.length} events for 1,000 bytes`);
    const seen: number[] = [];
    while (outbox.waiting > 0) {
      const { journal, events } = await outbox.read({ maxEvents: 33, maxBytes: 1e9 });
      seen.push(...events.map((event) => event.position));
      outbox.acknowledge(journal, seen.at(-1)!);
    }
    assert.deepEqual(seen, range(1, 200));
  });
});

test('a last record that is cut off at any byte is removed, and all before it stays', async (t) => {
  const path = await temporaryDirectory(t);
  await using(path, async (outbox) => {
    outbox.append(changes(1, 2));
    await outbox.settled();
  });
  const file = await newestSegment(path);
  const before = (await stat(file)).size;
  await using(path, async (outbox) => {
    outbox.append(changes(3, 3));
    await outbox.settled();
  });
  const whole = await readFile(file);
  assert.ok(whole.length > before);
  for (let length = before; length < whole.length; length++) {
    await truncate(file, 0);
    await writeFile(file, whole.subarray(0, length));
    await using(path, async (outbox) => {
      assert.equal(outbox.degraded, null);
      assert.deepEqual(await positions(outbox), [1, 2], `cut to ${length} of ${whole.length} bytes`);
    });
  }
  await using(path, async (outbox) => {
    outbox.append(changes(4, 4));
    assert.deepEqual(await positions(outbox), [1, 2, 3]);
  });
});

test('a flipped byte puts the journal aside, and what still checks out moves to a new one', async (t) => {
  const path = await temporaryDirectory(t);
  const old = await using(path, async (outbox) => {
    for (let n = 1; n <= 4; n++) {
      outbox.append([change(n)]);
      await outbox.settled();
    }
    return outbox.journal;
  });
  const file = await newestSegment(path);
  const whole = await readFile(file);
  const middle = whole.indexOf('/etc/file-2');
  whole.writeUInt8(whole.readUInt8(middle) ^ 1, middle);
  await writeFile(file, whole);

  await using(path, async (outbox) => {
    assert.notEqual(outbox.journal, old);
    assert.match(outbox.degraded ?? '', /damaged/);
    outbox.append(changes(5, 5));
    assert.deepEqual(await positions(outbox), [1, 3, 4, 5]);
  });
  const aside = (await readdir(path)).filter((name) => name.startsWith('outbox.damaged-'));
  assert.equal(aside.length, 1);
  assert.deepEqual(await readFile(join(path, aside[0]!, '0000000000000001.segment')), whole);
  await using(path, async (outbox) => {
    assert.match(outbox.degraded ?? '', /damaged/, 'until a person has removed it');
    await rm(join(path, aside[0]!), { recursive: true });
    assert.equal(outbox.degraded, null);
  });
});

test('damage that comes while the outbox is open is found when it is read', async (t) => {
  const path = await temporaryDirectory(t);
  await using(path, async (outbox) => {
    outbox.append(changes(1, 1));
    await outbox.settled();
    outbox.append(changes(2, 3));
    await outbox.settled();
    const file = await newestSegment(path);
    const whole = await readFile(file);
    whole.writeUInt8(0, whole.indexOf('/etc/file-1'));
    await writeFile(file, whole);
    assert.deepEqual(await positions(outbox), []);
    assert.match(outbox.degraded ?? '', /damaged/);
    outbox.append(changes(4, 4));
    assert.deepEqual(await positions(outbox), [2, 3, 4]);
  });
});

test('a directory in the place of a segment is damage, and what else checks out is kept', async (t) => {
  const path = await temporaryDirectory(t);
  await using(path, async (outbox) => {
    outbox.append(changes(1, 2));
    await outbox.settled();
  });
  await mkdir(join(path, 'outbox', '0000000000000009.segment'));
  await using(path, async (outbox) => {
    assert.match(outbox.degraded ?? '', /damaged/);
    assert.deepEqual(await positions(outbox), [1, 2]);
  });
});

test('an outbox that someone removed is begun anew, and that shows', async (t) => {
  const path = await temporaryDirectory(t);
  await using(path, async (outbox) => {
    await rm(join(path, 'outbox'), { recursive: true });
    outbox.append(changes(1, 1));
    assert.deepEqual(await positions(outbox), [1]);
    assert.match(outbox.degraded ?? '', /damaged/);
  });
});

test('an outbox that someone removed while no agent ran is begun anew, and that shows', async (t) => {
  const path = await temporaryDirectory(t);
  const journal = await using(path, async (outbox) => {
    outbox.append(changes(1, 3));
    return outbox.journal;
  });
  await rm(join(path, 'outbox'), { recursive: true });
  await using(path, async (outbox) => {
    assert.match(outbox.degraded ?? '', /damaged and put aside as outbox\.damaged-/);
    assert.notEqual(outbox.journal, journal);
    outbox.append(changes(4, 4));
    assert.deepEqual(await positions(outbox), [1]);
  });
  await using(path, async (outbox) => assert.equal(outbox.waiting, 1));
});

test('a full outbox drops its oldest events, counts them and says so', async (t) => {
  const path = await temporaryDirectory(t);
  const tuning = { maxEvents: 160 };
  const dropped = await using(
    path,
    async (outbox) => {
      for (let n = 1; n <= 300; n++) {
        outbox.append([change(n)]);
        await outbox.settled();
      }
      assert.ok(outbox.waiting <= 160 && outbox.waiting > 140, `${outbox.waiting} wait`);
      assert.equal(outbox.dropped + outbox.waiting, 300);
      assert.deepEqual(await positions(outbox), range(outbox.dropped + 1, 300));
      assert.match(outbox.degraded ?? '', /full/);
      return outbox.dropped;
    },
    tuning,
  );
  await using(
    path,
    async (outbox) => {
      assert.equal(outbox.dropped, dropped);
      assert.equal(outbox.waiting, 300 - dropped);
      outbox.acknowledge(outbox.journal, 300);
      assert.equal(outbox.degraded, null);
    },
    tuning,
  );
});

test('a full outbox keeps within its bytes', async (t) => {
  const path = await temporaryDirectory(t);
  const tuning = { maxBytes: 64 * 1024 };
  await using(
    path,
    async (outbox) => {
      for (let n = 1; n <= 1000; n++) outbox.append([change(n)]);
      await outbox.settled();
      const sizes = await Promise.all(
        (await readdir(join(path, 'outbox'))).map(
          async (name) => (await stat(join(path, 'outbox', name))).size,
        ),
      );
      const onDisk = sizes.reduce((sum, size) => sum + size, 0);
      assert.ok(onDisk <= tuning.maxBytes && onDisk > tuning.maxBytes / 2, `${onDisk} bytes on disk`);
      assert.equal(outbox.dropped + outbox.waiting, 1000);
      assert.deepEqual(await positions(outbox), range(outbox.dropped + 1, 1000));
    },
    tuning,
  );
});

test('what was acknowledged leaves the disk', async (t) => {
  const path = await temporaryDirectory(t);
  await using(
    path,
    async (outbox) => {
      outbox.append(changes(1, 2000));
      await outbox.settled();
      const full = outbox.bytes;
      outbox.acknowledge(outbox.journal, 2000);
      await outbox.settled();
      assert.ok(outbox.bytes < full / 8, `${outbox.bytes} of ${full} bytes are left`);
      assert.equal((await readdir(join(path, 'outbox'))).length, 1);
    },
    { maxEvents: 3000 },
  );
});

test('positions that were never given out here begin a new journal', async (t) => {
  const path = await temporaryDirectory(t);
  await using(path, async (outbox) => {
    outbox.append(changes(1, 2));
    const old = outbox.journal;
    outbox.acknowledge(old, 10);
    assert.notEqual(outbox.journal, old);
    assert.deepEqual(await positions(outbox), [1, 2], 'the collector took them for others');
  });
});

test('a second agent is kept out, until the first has ended', async (t) => {
  const path = join(await temporaryDirectory(t), 'deep', 'state');
  {
    await using first = await openStateDirectory(path);
    assert.equal((await stat(first.path)).mode & 0o777, 0o700);
    await assert.rejects(openStateDirectory(path), { code: 'state-directory-locked' });
    const program = `import('#io/state-directory').then(m => m.openStateDirectory(${JSON.stringify(path)}))`;
    const child = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      cwd: join(import.meta.dirname, '..', '..'),
    });
    await assert.rejects(child, /another agent uses the state directory/);
  }
  await using again = await openStateDirectory(path);
  assert.equal(again.path, path);
});

test('a state directory that the kernel refuses to make is an error, and no wait for ever', async () => {
  await assert.rejects(openStateDirectory('/proc/holdfast/state'), { code: 'state-directory-unusable' });
});

test('after kill -9 at any moment, everything that was reported as safe is there', async (t) => {
  const path = await temporaryDirectory(t);
  const program = `
    const { openStateDirectory } = await import('#io/state-directory');
    const { openOutbox } = await import('#io/outbox');
    const stateDirectory = await openStateDirectory(${JSON.stringify(path)});
    const log = { info() {}, error(...args) { console.error(...args); } };
    const outbox = await openOutbox({ stateDirectory, log, clock: Date.now, maxBytes: 2 ** 20 });
    const change = { at: '2026-01-01T00:00:00.000Z', net: 'watch', path: '/etc/x', before: null, after: null };
    for (;;) {
      outbox.append(Array.from({ length: 1 + Math.floor(Math.random() * 40) }, () => change));
      await outbox.settled();
      const { events, journal } = await outbox.read({ maxEvents: 1e6, maxBytes: 1e9 });
      process.stdout.write(events.at(-1).position + '\\n');
      if (Math.random() < 0.2) outbox.acknowledge(journal, events[Math.floor(events.length / 2)].position);
    }`;
  let safe = 0;
  let journal: string | undefined;
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: join(import.meta.dirname, '..', '..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    child.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      if (told.length > 20) setTimeout(() => child.kill('SIGKILL'), Math.random() * 60);
    });
    await once(child, 'close');
    safe = Math.max(safe, Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1)));
    await using(path, async (outbox) => {
      journal ??= outbox.journal;
      assert.equal(outbox.journal, journal);
      assert.equal(outbox.degraded, null);
      assert.equal(outbox.dropped, 0);
      const found = await positions(outbox);
      assert.ok(found.at(-1)! >= safe, `${safe} was safe, ${found.at(-1)} is the last`);
      for (const [i, position] of found.entries()) {
        assert.ok(i === 0 || position > found[i - 1]!, 'in order');
      }
      outbox.acknowledge(outbox.journal, found.at(-1)!);
      safe = found.at(-1)!;
    });
  }
});

async function smallDisk(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-disk-'));
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', path]);
  t.after(async () => {
    await promisify(execFile)('umount', ['-l', path]);
    await rm(path, { recursive: true });
  });
  return path;
}

test('while the disk is full events are kept in memory, reported from there, and written when space returns', {
  skip: needMount(),
}, async (t) => {
  const disk = await smallDisk(t);
  const path = join(disk, 'state');
  await mkdir(path);
  await using(
    path,
    async (outbox) => {
      outbox.append(changes(1, 10));
      assert.equal(await outbox.settled(), true);
      const onDisk = outbox.journal;
      await writeFile(join(disk, 'ballast'), Buffer.alloc(300 * 1024)).catch(() => {});

      outbox.append(changes(11, 200));
      assert.equal(await outbox.settled(), false);
      assert.match(outbox.degraded ?? '', /ENOSPC/);
      assert.equal(outbox.waiting, 200);
      const first = await outbox.read(everything);
      assert.equal(first.journal, onDisk);
      assert.deepEqual(
        first.events.map((event) => event.position),
        range(1, 10),
        'what is on disk goes first',
      );
      outbox.acknowledge(onDisk, 10);
      const second = await outbox.read({ maxEvents: 50, maxBytes: 1e9 });
      assert.notEqual(second.journal, onDisk, 'an id that no disk has seen');
      assert.deepEqual(
        second.events.map((event) => event.position),
        range(11, 60),
      );
      outbox.acknowledge(second.journal, 60);

      await rm(join(disk, 'ballast'));
      const deadline = Date.now() + 5000;
      while (outbox.degraded && Date.now() < deadline) await sleep(10);
      assert.equal(outbox.degraded, null);
      assert.equal(outbox.journal, second.journal);
      assert.deepEqual(await positions(outbox), range(61, 200));
    },
    { retryMs: 20 },
  );
  await using(path, async (outbox) => {
    assert.deepEqual(await positions(outbox), range(61, 200));
    outbox.append(changes(201, 201));
    assert.deepEqual(await positions(outbox), range(61, 201));
  });
});

test('an agent that starts while the disk is full keeps events in memory', {
  skip: needMount(),
}, async (t) => {
  const disk = await smallDisk(t);
  const path = join(disk, 'state');
  await mkdir(path);
  await writeFile(join(disk, 'ballast'), Buffer.alloc(300 * 1024)).catch(() => {});
  await using(path, async (outbox) => {
    outbox.append(changes(1, 10));
    assert.deepEqual(await positions(outbox), range(1, 10));
    assert.match(outbox.degraded ?? '', /ENOSPC/);
    await assert.rejects(openStateDirectory(path), { code: 'state-directory-locked' });
    await rm(join(disk, 'ballast'));
  });
});

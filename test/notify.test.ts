/** Readiness and watchdog, as systemd gets to hear of them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeConnections } from './harness/api.ts';
import { type RunningProgram, startCommand } from './harness/process.ts';
import { Site } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';
import { needTool } from './need.ts';

const skip =
  needTool('systemd-notify', 'apt-get install -y systemd') ||
  needTool('perl', 'apt-get install -y perl-base');

/** Prints each datagram, its lines joined by commas: Node has no such sockets. */
const listener = `use Socket; $| = 1;
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!; bind($s, pack_sockaddr_un($ARGV[0])) or die $!;
  while (defined recv($s, my $m, 4096, 0)) { next if $m eq 'BARRIER=1'; $m =~ s/\\n/,/g; print "$m\\n"; }`;

test('both programs say that they are ready, and give signs of life until they hang', {
  skip,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-notify-'));
  const sockets = [join(directory, 'collector'), join(directory, 'agent')];
  const heard = sockets.map((socket) => startCommand(['perl', '-e', listener, socket], process.env));
  const environment = (socket: string) => ({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: '600000' });
  try {
    await waitFor('the listeners', async () => sockets.every((socket) => existsSync(socket)));
    await using site = await Site.create({
      collector: environment(sockets[0]!),
      agent: environment(sockets[1]!),
    });
    const programs = [await site.startCollector(), await site.startAgent()];
    await site.untilWatching();
    for (const [i, program] of programs.entries()) {
      const signs = () => signsOf(heard[i]!);
      await waitFor('three signs of life', async () => signs() >= 3);
      assert.match(heard[i]!.output(), /READY=1,WATCHDOG=1,STATUS=(?:ready|starting|watching)/);
      program.kill('SIGSTOP');
      await sleep(1000); // what was on its way has come
      const before = signs();
      await sleep(1000);
      assert.equal(signs(), before);
      program.kill('SIGCONT');
      await waitFor('another sign of life', async () => signs() > before);
    }
    for (const program of programs.toReversed()) {
      program.kill('SIGTERM');
      assert.equal(await program.ended, 0, program.output());
    }
  } finally {
    closeConnections();
    for (const program of heard) await program[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  }
});

function signsOf(listener: RunningProgram): number {
  return listener.output().split('WATCHDOG=1').length - 1;
}

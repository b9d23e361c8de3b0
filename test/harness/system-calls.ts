/** The system calls that a unit allows, held to as systemd does it: by a filter of the kernel that a program cannot take off. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of the calls that `SystemCallFilter=` lines leave: the first names what is allowed, one with ~ what is not. */
export function allowedCalls(unit: string): string[] {
  const groups = callGroups();
  const allowed = members('@default', groups); // what systemd adds to every list of this kind
  for (const [, value] of unit.matchAll(/^SystemCallFilter=(.*)$/gm)) {
    const named = value!.replace('~', '').split(' ');
    for (const call of named.flatMap((name) => [...members(name, groups)])) {
      if (value!.startsWith('~')) allowed.delete(call);
      else allowed.add(call);
    }
  }
  return [...allowed].sort();
}

function callGroups(): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  let current: string[] = [];
  const text = execFileSync('systemd-analyze', ['syscall-filter'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for (const line of text.split('\n')) {
    if (line.startsWith('@')) groups.set(line.trim(), (current = []));
    else if (/^ {4}[@a-z_]/.test(line)) current.push(line.trim());
  }
  return groups;
}

function members(name: string, groups: ReadonlyMap<string, readonly string[]>): Set<string> {
  if (!name.startsWith('@')) return new Set([name]);
  const group = groups.get(name);
  if (group === undefined) throw new Error(`systemd knows no ${name}`);
  return new Set(group.flatMap((member) => [...members(member, groups)]));
}

/** A program that runs its arguments with no other calls: the rest fail with EPERM, as SystemCallErrorNumber= says. */
export function compileFilter(calls: readonly string[], directory: string): string {
  const source = join(directory, 'filter.c');
  const program = join(directory, 'filter');
  // A name that this architecture has no call for is left out.
  const allow = calls.map((name) => `#ifdef __NR_${name}\n  ALLOW(__NR_${name}),\n#endif\n`).join('');
  writeFileSync(source, sourceWith(allow));
  execFileSync('cc', ['-O1', '-o', program, source]);
  return program;
}

const sourceWith = (allow: string) => `
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
static struct sock_filter rules[] = {
  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
${allow}
  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};
int main(int count, char **arguments) {
  struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 126;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 126;
  execv(arguments[1], arguments + 1);
  return 127;
}
`;

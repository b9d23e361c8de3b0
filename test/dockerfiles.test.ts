import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleAgent } from '../scripts/build/bundle-agent.ts';
import { repositoryRoot } from '../scripts/build/bundle-options.ts';
import { dockerfileProblems, shellLines } from './harness/dockerfile-problems.ts';
import { needTool } from './need.ts';
import { readRepositoryFile, repositoryFiles } from './repository.ts';

const dockerfiles = repositoryFiles.filter((path) => /(^|\/)Dockerfile$/.test(path));
const skip = needTool('shellcheck', 'apt-get install -y shellcheck');

for (const path of dockerfiles) {
  const text = readRepositoryFile(path);

  test(`${path} keeps hadolint's rules, or says why not`, () => {
    assert.deepEqual(dockerfileProblems(text), []);
  });

  test(`${path} gives the shell what shellcheck finds no fault with`, { skip }, () => {
    for (const script of shellLines(text)) {
      const { status, stdout } = spawnSync('shellcheck', ['--shell=sh', '-'], {
        input: script,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout);
    }
  });

  test(`${path} copies only what is sent to its build`, () => {
    const [, ...sent] = readRepositoryFile('.dockerignore').matchAll(/^!?(\S+)$/gm);
    const places = sent.map(([, place]) => place!);
    const copied = copiedBy(text);
    assert.ok(copied.length > 0);
    assert.deepEqual(
      copied.filter((place) => !places.includes(place)),
      [],
    );
  });
}

test('what an image is built of bundles to the same program as a checkout', async () => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-dockerfile-')));
  try {
    const copy = join(directory, 'src');
    for (const place of copiedBy(readRepositoryFile('deploy/daemonset/Dockerfile'))) {
      await cp(join(repositoryRoot, place), join(copy, place), { recursive: true, verbatimSymlinks: true });
    }
    await symlink(join(repositoryRoot, 'node_modules'), join(copy, 'node_modules'));
    const bundle = `
      import { bundleAgent } from ${JSON.stringify(join(copy, 'scripts/build/bundle-agent.ts'))};
      await bundleAgent(${JSON.stringify(directory)});`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', bundle], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const ofImage = await readFile(join(directory, 'agent.cjs'), 'utf8');
    const { file } = await bundleAgent(directory);
    assert.ok(ofImage === (await readFile(file, 'utf8')), 'they differ');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('the check finds what it is there for', () => {
  const faults: readonly (readonly [code: string, line: string])[] = [
    ['DL3000', 'WORKDIR src'],
    ['DL3003', 'RUN cd /src && make'],
    ['DL3004', 'RUN sudo make'],
    ['DL3006', 'FROM debian'],
    ['DL3007', 'FROM debian:latest'],
    ['DL3008', 'RUN apt-get install -y --no-install-recommends git'],
    ['DL3009', 'RUN apt-get update'],
    ['DL3014', 'RUN apt-get install --no-install-recommends git=1'],
    ['DL3015', 'RUN apt-get install -y git=1'],
    ['DL3018', 'RUN apk add --no-cache aide'],
    ['DL3019', 'RUN apk add aide=1'],
    ['DL3020', 'ADD a /b'],
    ['DL3021', 'COPY a b /c'],
    ['DL3022', 'COPY --from=elsewhere /a /b'],
    ['DL3025', 'CMD run it'],
    ['DL3027', 'RUN apt update'],
    ['DL3045', 'COPY a b'],
    ['DL4006', 'RUN a | b'],
  ];
  for (const [code, line] of faults) {
    const problems = dockerfileProblems(`FROM alpine:3.22\n${line}\nUSER 1\n`);
    assert.match(problems.join('\n'), new RegExp(`^line 2: ${code} `, 'm'), line);
    const ignored = dockerfileProblems(`FROM alpine:3.22\n# hadolint ignore=${code}\n${line}\nUSER 1\n`);
    assert.doesNotMatch(ignored.join('\n'), new RegExp(code), line);
  }
  assert.match(dockerfileProblems('FROM alpine:3.22\nUSER root\n').join(), /line 2: DL3002/);
  assert.match(dockerfileProblems('FROM alpine:3.22\n').join(), /DL3002/);
  assert.match(dockerfileProblems('FROM alpine:3.22\nCOPPY a /b\nUSER 1\n').join(), /line 2: .*COPPY/);
});

/** What is copied from the checkout. */
function copiedBy(dockerfile: string): string[] {
  return [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, from]) => from!.split(' '));
}

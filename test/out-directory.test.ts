/** What a build may replace. Only ever tried on directories made here. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildingPlace, sweepBuildingPlaces, whyNotReplaced } from '../scripts/build/out-directory.ts';
import { projectRoot } from './harness/process.ts';
import { waitFor } from './harness/wait.ts';

let directory: string;

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-out-'));
});

after(() => rmSync(directory, { recursive: true, force: true }));

function directoryWith(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(directory, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

const sum = 'a'.repeat(64);
const command = ['scripts/build.ts', '--commit', '0123456789abcdef', '--out'];

test('a build replaces what is not there, what is empty, and an earlier build', () => {
  const earlier = {
    whole: `${sum}  LICENSE\n${sum}  collector.cjs\n${sum}  holdfast-agent\n`,
    agent: `${sum}  holdfast-agent\n`,
    collector: `${sum}  collector.cjs\n`,
  };
  assert.equal(whyNotReplaced(join(directory, 'not/there')), null);
  assert.equal(whyNotReplaced(directoryWith('empty', {})), null);
  for (const [name, SHA256SUMS] of Object.entries(earlier)) {
    assert.equal(whyNotReplaced(directoryWith(name, { SHA256SUMS, other: '' })), null, name);
  }
});

test('a build replaces nothing else', () => {
  const sums = `${sum}  not-holdfast-agent\n${sum}  holdfast-agent.maps/main.js.map\n`;
  const others = directoryWith('others', { SHA256SUMS: sums });
  const file = join(others, 'SHA256SUMS');
  symlinkSync(others, join(directory, 'link-to-others'));
  const full = directoryWith('full', { kept: '' });
  for (const path of [others, join(directory, 'link-to-others'), full, directory]) {
    assert.match(whyNotReplaced(path) ?? '', /something else/, path);
  }
  assert.match(whyNotReplaced(file) ?? '', /no directory/);
});

test('a build replaces neither the checkout nor what the checkout is in, by whatever name', () => {
  const link = join(directory, 'link-to-checkout');
  symlinkSync(projectRoot, link);
  for (const path of [projectRoot, `${projectRoot}/`, dirname(projectRoot), '/', link]) {
    assert.match(whyNotReplaced(path) ?? '', /the checkout is in it/, path);
  }
});

test('the command says so before it builds, and leaves what is there', () => {
  const kept = directoryWith('kept', { mine: 'mine\n' });
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, kept], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  assert.deepEqual([status, stdout], [1, '']);
  assert.equal(stderr, `build: ${kept} is not replaced: it holds something else than an earlier build\n`);
  assert.equal(readFileSync(join(kept, 'mine'), 'utf8'), 'mine\n');
});

test('a build that is ended leaves nothing beside its directory', async () => {
  const place = directoryWith('ended', {});
  const build = spawn(process.execPath, [...command, join(place, 'dist')], { cwd: projectRoot });
  const ended = new Promise((resolve) => build.on('exit', (_, signal) => resolve(signal)));
  await waitFor('something is made', () => {
    const [beside] = readdirSync(place);
    return beside !== undefined && readdirSync(join(place, beside)).includes('collector.cjs');
  });
  build.kill('SIGTERM');
  assert.equal(await ended, 'SIGTERM');
  assert.deepEqual(readdirSync(place), []);
});

test('what killed builds left is removed; what runs, and what has another name, stays', () => {
  const place = directoryWith('swept', {});
  const dist = join(place, 'dist');
  const { pid: gone } = spawnSync('true');
  const stays = [buildingPlace(dist, process.ppid), join(place, '.dist.old'), join(place, `.other.${gone}`)];
  for (const path of [...stays, buildingPlace(dist, gone), buildingPlace(dist)]) {
    mkdirSync(path);
    writeFileSync(join(path, 'collector.cjs'), '');
  }
  sweepBuildingPlaces(dist);
  assert.deepEqual(readdirSync(place).sort(), stays.map((path) => path.slice(place.length + 1)).sort());
  sweepBuildingPlaces(join(place, 'not/there/dist'));
});

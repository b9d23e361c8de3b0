/** What `npm run build` makes, run as a site runs it: no PATH, no environment, and for the agent no Node. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { bundleAgent } from '../scripts/build/bundle-agent.ts';
import { type Artefact, buildAll } from '../scripts/build/build-all.ts';
import { call, closeConnections } from './harness/api.ts';
import { fakeNode, makeNodeDirectory } from './harness/installer.ts';
import { type Programs, projectRoot } from './harness/process.ts';
import { Site, siteNode } from './harness/site.ts';
import { waitFor } from './harness/wait.ts';
import { needNodeDirectory } from './need.ts';

const maxExecutableBytes = 130_000_000;
const maxImageBytes = 10_000_000;
const commit = '0123456789abcdef0123456789abcdef01234567';
/** What the agent's executable gets of the environment: nothing, as under `env -i`. */
const bare: NodeJS.ProcessEnv = {};

let directory: string;
let dist: string;
let artefacts: readonly Artefact[];
let executable: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-build-'));
  dist = join(directory, 'dist');
  artefacts = await buildAll({ directory: dist, commit });
  executable = join(dist, 'holdfast-agent');
});

after(async () => {
  closeConnections();
  await rm(directory, { recursive: true, force: true });
});

function agent(...args: string[]) {
  return spawnSync(executable, args, { env: bare, encoding: 'utf8' });
}

test('a second build, in another directory, gives the same bytes', async () => {
  const again = join(directory, 'elsewhere', 'again');
  assert.deepEqual(await buildAll({ directory: again, commit }), artefacts);
  await rm(again, { recursive: true });
});

test('the checksums are those that sha256sum finds', () => {
  const checked = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
    cwd: dist,
    encoding: 'utf8',
  });
  assert.equal(checked.trim().split('\n').length, artefacts.length);
});

test('the executable stays under 130 MB', () => {
  const { bytes } = artefacts.find(({ name }) => name === 'holdfast-agent')!;
  assert.ok(bytes <= maxExecutableBytes, `${bytes} bytes`);
});

test('what the image adds to Alpine, Node and aide stays under 10 MB', async () => {
  const dockerfile = await readFile(join(projectRoot, 'deploy/daemonset/Dockerfile'), 'utf8');
  const [, copied] = /^COPY --from=build (.*) \/opt\/holdfast\/$/m.exec(dockerfile)!;
  const sizes = copied!.split(' ').map((path) => {
    const artefact = artefacts.find(({ name }) => path === `/src/dist/${name}`);
    assert.ok(artefact, `${path} is not built`);
    return artefact.bytes;
  });
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes <= maxImageBytes, `${bytes} bytes`);
});

test('both programs print their version and the commit they were built from', async () => {
  const { version } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal(agent('version').stdout, `holdfast-agent ${version} (commit ${commit})\n`);
  const collector = spawnSync(process.execPath, [join(dist, 'collector.cjs'), 'version'], {
    env: bare,
    encoding: 'utf8',
  });
  assert.equal(collector.stdout, `holdfast-collector ${version} (commit ${commit})\n`);
});

test('an older Node is told in one line that it will not do', async () => {
  const older = join(directory, 'older.cjs');
  const pretended = "Object.defineProperty(process.versions, 'node', { value: '20.19.0' });";
  await writeFile(older, pretended);
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--require', older, join(dist, 'collector.cjs'), 'serve'],
    { env: bare, encoding: 'utf8' },
  );
  assert.deepEqual(
    [status, stderr],
    [1, 'holdfast-collector: this is Node 20.19.0; the collector needs Node 24 or newer\n'],
  );
});

test('no file names the directory that it was built in', async () => {
  const maps = artefacts.map(({ name }) => name).filter((name) => name.startsWith('holdfast-agent.maps/'));
  assert.ok(maps.includes('holdfast-agent.maps/main.js.map'));
  for (const name of ['agent.cjs', 'agent.cjs.map', 'collector.cjs', 'holdfast-agent', ...maps]) {
    const content = await readFile(join(dist, name));
    for (const place of [directory, projectRoot]) {
      assert.equal(content.includes(`${place}/`), false, `${name} names ${place}`);
    }
  }
});

test('a scan of what needs no reading loads none of the modules that are slow to load', async () => {
  const empty = join(directory, 'empty');
  const scope = join(directory, 'empty.yaml');
  const listing = join(directory, 'list-modules.cjs');
  await mkdir(empty);
  await writeFile(scope, `version: 1\npaths:\n  - path: ${empty}\n`);
  const list = `require('node:fs').writeFileSync(process.env.LIST, process.moduleLoadList.join('\\n'))`;
  await writeFile(listing, `process.on('exit', () => ${list});`);
  const loaded = async (...command: string[]) => {
    const file = join(directory, 'modules');
    const { status, stderr } = spawnSync(process.execPath, ['--require', listing, ...command], {
      env: { LIST: file },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return (await readFile(file, 'utf8')).split('\n').map((line) => line.replace('NativeModule ', ''));
  };
  const slow = ['child_process', 'internal/fs/promises', 'internal/worker', 'readline'];
  const foundIn = (modules: readonly string[]) => modules.filter((name) => slow.includes(name));

  const needed =
    "for (const name of ['child_process', 'fs/promises', 'readline', 'worker_threads']) require(name)";
  assert.deepEqual(foundIn(await loaded('--eval', needed)).toSorted(), slow.toSorted());
  assert.deepEqual(foundIn(await loaded(join(dist, 'agent.cjs'), 'scan', '--scope-file', scope)), []);
});

test('the agent carries no check of formats', async () => {
  const bundled = join(directory, 'bundled');
  await mkdir(bundled);
  const formats = (await bundleAgent(bundled)).inputs.filter((file) =>
    file.includes('/typebox/build/format/'),
  );
  assert.deepEqual(
    formats.map((file) => basename(file)),
    ['index.mjs'],
  );
});

test('the executable reads with its hash workers what the sources read', async () => {
  const tree = join(directory, 'tree');
  await mkdir(tree);
  for (let i = 0; i < 40; i++) await writeFile(join(tree, `file-${i}`), randomBytes(200_000));
  const scope = join(directory, 'scope.yaml');
  await writeFile(scope, `version: 1\npaths:\n  - path: ${tree}\n`);
  const args = ['scan', '--json', '--scope-file', scope];
  const sources = spawnSync(process.execPath, [join(projectRoot, 'packages/agent/src/main.ts'), ...args], {
    encoding: 'utf8',
  });
  const entries = (stdout: string) => stdout.trim().split('\n').slice(0, -1);
  const scanned = agent(...args);
  assert.equal(scanned.status, 0, scanned.stderr);
  assert.equal(entries(scanned.stdout).length, 41);
  assert.deepEqual(entries(scanned.stdout), entries(sources.stdout));
});

test('a host needs nothing but the build: its installer installs what lies beside it', {
  skip: needNodeDirectory(),
}, async (t) => {
  const nodeDirectory = makeNodeDirectory()!;
  t.after(() => rm(nodeDirectory, { recursive: true }));
  const root = join(directory, 'host');
  const token = join(directory, 'token');
  await writeFile(token, 'hf_agent_x');
  for (const args of [
    ['agent', '--url', 'https://collector.example:9477', '--token-file', token],
    ['collector', '--node', fakeNode(nodeDirectory)],
  ]) {
    const installed = spawnSync(join(dist, 'install.sh'), [...args, '--root', root], { encoding: 'utf8' });
    assert.equal(installed.status, 0, installed.stderr);
    if (args[0] === 'agent') assert.ok(installed.stdout.includes(`this build is ${agent('version').stdout}`));
  }
  const installed = spawnSync(join(root, 'usr/local/bin/holdfast-agent'), ['version'], {
    env: bare,
    encoding: 'utf8',
  });
  assert.equal(installed.stdout, agent('version').stdout);
});

test('what was built does the main job without a PATH', async () => {
  const programs: Programs = {
    agent: [executable],
    collector: [process.execPath, join(dist, 'collector.cjs')],
    environment: { ...bare, NODE_OPTIONS: '--no-such-option-of-node' },
  };
  await using site = await Site.create({ programs, collector: { NODE_OPTIONS: '' } });
  await site.startCollector();
  const running = await site.startAgent();
  await site.untilWatching();
  await appendFile(join(site.tree, 'a.conf'), 'a = 2\n');
  await waitFor('the series of the changed file', async () => (await site.driftSeries()).length === 1);
  const accepted = await call<{ accepted: number }>(site.url, `/api/v1/nodes/${siteNode}/baseline`, {
    method: 'POST',
  });
  assert.deepEqual([accepted.status, accepted.body.accepted], [200, 1], accepted.text);

  running.kill('SIGUSR1');
  await sleep(300);
  assert.doesNotMatch(running.output(), /Debugger listening/);
  running.kill('SIGTERM');
  assert.equal(await running.ended, 0, running.output());
});

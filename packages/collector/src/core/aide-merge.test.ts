/** Databases that are made of two are read by the real AIDE as its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AideDatabase, aideDatabaseText, readAideDatabase } from '@holdfast/shared/aide-database';
import { compareAideDatabases } from '@holdfast/shared/aide-compare';
import { needTool } from '../../../../test/need.ts';
import { allButRowsOf, withRowsOf } from '#core/aide-merge';

const skip = needTool('aide', 'apt-get install -y aide');

class AideTree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-merge-'));
  readonly tree = join(this.root, 'tree');

  constructor() {
    mkdirSync(this.tree);
  }

  write(name: string | Buffer, content: string, mode = 0o644): void {
    const path = Buffer.concat([Buffer.from(`${this.tree}/`), Buffer.from(name)]);
    rmSync(path, { force: true });
    writeFileSync(path, content, { mode });
  }

  run(action: '--init' | '--check', database: string | null): { status: number | null; stderr: string } {
    const at = join(this.root, 'given.db');
    if (database !== null) writeFileSync(at, database);
    const config = join(this.root, 'aide.conf');
    const lines = [
      `database_in=file:${at}`,
      `database_out=file:${join(this.root, 'made.db')}`,
      'database_add_metadata=no',
      'database_attrs=sha256',
      'gzip_dbout=no',
      'report_url=stdout',
      `${this.tree.replaceAll('.', '\\.')}(/|\\\\z) f ftype+p+u+g+s+l+acl+xattrs+caps+sha256`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    return spawnSync('aide', [`--config=${config}`, action], { encoding: 'latin1' });
  }

  /** What AIDE makes of the tree as it is. */
  database(): AideDatabase {
    const { status, stderr } = this.run('--init', null);
    assert.equal(status, 0, stderr);
    const read = readAideDatabase(readFileSync(join(this.root, 'made.db'), 'latin1'));
    if (typeof read === 'string') throw new Error(read);
    return read;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

test('AIDE checks against a database with accepted rows, and finds what was not accepted', { skip }, () => {
  using tree = new AideTree();
  for (const name of ['a', 'b', 'gone', 'sp ace', '%', 'x\ny']) tree.write(name, 'old');
  tree.write(Buffer.from([0x6e, 0xff]), 'old');
  const baseline = tree.database();
  for (const name of ['a', 'b', 'sp ace', '%', 'x\ny']) tree.write(name, 'new', 0o600);
  tree.write(Buffer.from([0x6e, 0xff]), 'newer');
  tree.write('new', 'new');
  rmSync(join(tree.tree, 'gone'));
  const newer = tree.database();
  const changed = compareAideDatabases(baseline, newer).findings.map(({ path }) => path);
  assert.equal(changed.length, 8);

  const all = withRowsOf(baseline, newer, changed);
  const checked = tree.run('--check', all.text);
  assert.deepEqual([checked.status, checked.stderr], [0, '']);
  assert.equal(all.entries, newer.rows.size);

  const left = [`${tree.tree}/b`, `${tree.tree}/gone`, `${tree.tree}/new`];
  const some = withRowsOf(
    baseline,
    newer,
    changed.filter((path) => !left.includes(path)),
  );
  const differs = { added: 1, removed: 2, changed: 4 };
  assert.equal(tree.run('--check', some.text).status, differs.added + differs.removed + differs.changed);
  assert.deepEqual(tree.run('--check', allButRowsOf(baseline, newer, left).text).status, 7);
});

test('rows keep their meaning in a database with other columns', () => {
  const narrow = (...rows: string[]) =>
    readAideDatabase(aideDatabaseText('@@db_spec name perm uid attr ', rows)) as AideDatabase;
  const wide = readAideDatabase(
    aideDatabaseText('@@db_spec name lname attr perm uid gid ', ['/a 0 28 100600 0 0', '/b 0 28 100600 0 0']),
  ) as AideDatabase;
  const merged = withRowsOf(narrow('/a 100644 7 12', '/c 100644 7 12'), wide, ['/b']);
  assert.equal(
    merged.text,
    aideDatabaseText('@@db_spec name lname attr perm uid gid ', [
      '/a 0 12 100644 7 0',
      '/c 0 12 100644 7 0',
      '/b 0 28 100600 0 0',
    ]),
  );
});

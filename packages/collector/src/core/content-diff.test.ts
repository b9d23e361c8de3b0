import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contentDiff, contentSides, maxDiffLength, maxDifferentLines } from '#core/content-diff';
import { file } from '#store/test-node';

describe('a content diff', () => {
  it('is unified, with three lines around each change', () => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    const after = lines.with(10, 'changed').join('\n');
    const shown = contentDiff('/etc/x', { text: `${lines.join('\n')}\n` }, { text: `${after}\n` });
    assert.ok('diff' in shown);
    assert.match(shown.diff, /^--- baseline\n\+\+\+ observed\n@@ -8,7 \+8,7 @@\n/);
    assert.match(shown.diff, /\n-line 10\n\+changed\n/);
    assert.equal(shown.diff.split('\n').length, 12);
  });

  it('says why there is none', () => {
    const text = { text: 'a\n' };
    assert.deepEqual(contentDiff('/etc/shadow', text, { text: 'b\n' }), { withheld: 'denied' });
    assert.deepEqual(contentDiff('/etc/x', { withheld: 'not-told' }, text), { withheld: 'not-told' });
    assert.deepEqual(contentDiff('/etc/x', text, { withheld: 'not-text' }), { withheld: 'not-text' });
    assert.deepEqual(contentDiff('/etc/x', text, { text: 'a\n' }), { withheld: 'scrubbed' });
  });

  it('is bounded in size and in time', () => {
    const many = (seed: string) => Array.from({ length: 30_000 }, (_, i) => `${seed}${i % 7}`).join('\n');
    const start = process.cpuUsage();
    assert.deepEqual(contentDiff('/etc/x', { text: many('a') }, { text: many('b') }), {
      withheld: 'too-different',
    });
    assert.ok(process.cpuUsage(start).user < 1_000_000);
    const long = (letter: string) => ({ text: `${letter.repeat(maxDiffLength)}\n` });
    assert.deepEqual(contentDiff('/etc/x', long('a'), long('b')), { withheld: 'too-different' });
    assert.ok(maxDifferentLines < 1000);
  });

  it('is for drift of content alone', () => {
    const before = file('/etc/x');
    const drift = {
      path: '/etc/x',
      change: 'changed',
      attributes: ['mode'],
      before,
      after: before,
    } as const;
    assert.equal(contentSides(drift), undefined);
    const after = file('/etc/x', 'b');
    assert.deepEqual(contentSides({ ...drift, attributes: ['sha256'], after }), {
      before: before.sha256,
      after: after.sha256,
    });
    assert.deepEqual(contentSides({ ...drift, change: 'added', attributes: [], before: null }), {
      before: null,
      after: before.sha256,
    });
    const link = { path: '/etc/x', type: 'symlink', target: '/y' } as const;
    assert.deepEqual(contentSides({ ...drift, attributes: ['type', 'target'], after: link }), {
      before: before.sha256,
      after: null,
    });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageUnavailableError } from '#store/store';
import { notReadyKeptMs, Readiness, readyKeptMs } from './readiness.ts';

describe('readiness', () => {
  it('is tried once for many probes, and anew after a while', async () => {
    let tried = 0;
    let isWritable = true;
    let now = 0;
    const store = {
      isWritable: async () => {
        tried += 1;
        return isWritable;
      },
    };
    const readiness = new Readiness(store, () => now);
    const answers = await Promise.all(Array.from({ length: 10 }, () => readiness.problem()));
    assert.deepEqual(new Set(answers), new Set([null]));
    isWritable = false;
    assert.equal(await readiness.problem(), null);
    assert.equal(tried, 1);
    now += readyKeptMs;
    assert.match((await readiness.problem()) ?? '', /cannot be written/);
    isWritable = true;
    now += notReadyKeptMs;
    assert.equal(await readiness.problem(), null);
    assert.equal(tried, 3);
  });

  it('is gone for a moment when a request has found the disk full, whatever the last trial said', async () => {
    let now = 0;
    const readiness = new Readiness({ isWritable: async () => true }, () => now);
    assert.equal(await readiness.problem(), null);
    readiness.saw(new StorageUnavailableError('full'));
    assert.match((await readiness.problem()) ?? '', /cannot be written/);
    now += notReadyKeptMs;
    assert.equal(await readiness.problem(), null);
  });
});

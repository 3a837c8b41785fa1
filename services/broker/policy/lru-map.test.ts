import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LruMap } from './lru-map.ts';

test('the entry unused for longest goes when there is no room', () => {
  const map = new LruMap<number>(2);
  map.set('a', 1);
  map.set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [1, undefined, 3, 2]);
});

test('setting an entry again needs no room and counts as use', () => {
  const map = new LruMap<number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 10);
  assert.equal(map.dropOldest(), 2);
  assert.equal(map.dropOldest(), 10);
  assert.equal(map.dropOldest(), undefined);
});

test('what is used among many stays, and what is not goes, however often the younger half is used', () => {
  const map = new LruMap<number>(8);
  for (let i = 0; i < 8; i++) map.set(`k${i}`, i);
  for (let i = 8; i < 1_000; i++) {
    for (const used of ['k0', 'k1', `k${i - 1}`])
      assert.notEqual(map.get(used), undefined, `${used} at ${i}`);
    map.set(`k${i}`, i);
    assert.equal(map.size, 8);
  }
  assert.equal(map.get('k2'), undefined);
});

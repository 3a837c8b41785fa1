import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndedLeases } from './ended-leases.ts';

test('an ended lease is remembered until its credential has expired by itself', () => {
  const ended = new EndedLeases();
  ended.add('lse_1', 100, 0);
  ended.add('lse_2', 50, 0);
  ended.add('lse_late', 100, 100);
  ended.sweep(99);
  assert.deepEqual([ended.has('lse_1'), ended.has('lse_2'), ended.has('lse_late')], [true, false, false]);
  ended.sweep(100);
  assert.equal(ended.size, 0);
});

test('a lease ended twice is remembered for the longer time', () => {
  const ended = new EndedLeases();
  ended.add('lse_1', 100, 0);
  ended.add('lse_1', 50, 0);
  ended.sweep(60);
  assert.equal(ended.has('lse_1'), true);
});

test('a full list first drops the expired, then the oldest, and says how many it forgot', () => {
  const ended = new EndedLeases(10);
  for (let i = 0; i < 10; i++) ended.add(`lse_${i}`, 10 + i, 0);
  ended.add('lse_10', 100, 15);
  assert.equal(ended.forgotten, 0, 'the expired made room');
  for (let i = 11; i < 30; i++) ended.add(`lse_${i}`, 100, 15);
  assert.ok(ended.size <= 10);
  assert.ok(ended.forgotten > 0);
  assert.equal(ended.has('lse_29'), true);
});

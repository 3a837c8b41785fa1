import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LeaseId } from '@stint/common/ids.ts';
import { OrphanMemory, rememberedMax } from './orphan-memory.ts';

function entities(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    entityName: `o${String(i).padStart(6, '0')}`,
    leaseId: 'lse_' as LeaseId,
    resource: '',
  }));
}

test('more orphans that fail than are remembered: every other one still gets its turn, and no more are told of', () => {
  const memory = new OrphanMemory();
  const found = entities(rememberedMax + 3_000);
  const tried = new Set<string>();
  let news = 0;
  for (let pass = 0; pass < 80; pass++) {
    for (const { entityName } of memory.choose(found, 0, 200).chosen) {
      tried.add(entityName);
      if (memory.noteFailure(entityName, { now: 0, mayPass: false }).isNews) news++;
    }
  }
  assert.equal(tried.size, found.length);
  assert.equal(news, rememberedMax);
});

test('what waiting seemed to mend is told of once it has failed five times; what it cannot mend, at once', () => {
  const memory = new OrphanMemory();
  const isNews = (name: string, mayPass: boolean) => memory.noteFailure(name, { now: 0, mayPass }).isNews;
  assert.deepEqual(
    Array.from({ length: 7 }, () => isNews('a', true)),
    [false, false, false, false, true, false, false],
  );
  assert.deepEqual([isNews('b', false), isNews('b', false)], [true, false]);
});

test('a clock that is set back puts no orphan off for longer than its pause', () => {
  const memory = new OrphanMemory();
  const found = entities(1);
  const day = 86_400_000;
  const chosenAt = (now: number) => memory.choose(found, now, 10).chosen.length;
  for (let i = 0; i < 3; i++) memory.noteFailure('o000000', { now: 10 * day, mayPass: true });
  assert.equal(chosenAt(10 * day), 0);
  assert.equal(chosenAt(9 * day), 1);
});

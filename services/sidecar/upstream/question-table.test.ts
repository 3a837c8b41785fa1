import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuestionTable } from './question-table.ts';

function openTable() {
  const table = new QuestionTable<{ readonly id: number }>();
  const open = () => table.open((id) => ({ id }));
  return { table, open };
}

test('a question is found by its id until it is closed', () => {
  const { table, open } = openTable();
  const [first, second] = [open(), open()];
  assert.equal(table.find(first.id), first);
  table.close(first.id);
  assert.equal(table.find(first.id), undefined);
  assert.equal(table.find(second.id), second);
  assert.deepEqual([table.size, table.list()], [1, [second]]);
});

test('an id is given once, though its place is taken again: a late answer finds nothing', () => {
  const { table, open } = openTable();
  const seen = new Set<number>();
  for (let i = 0; i < 5_000; i++) {
    const { id } = open();
    seen.add(id).add(table.spareId());
    table.close(id);
  }
  assert.equal(seen.size, 10_000);
  const now = open();
  for (const id of seen) assert.equal(table.find(id), undefined);
  for (const id of seen) table.close(id);
  assert.equal(table.find(now.id), now);
  assert.equal(table.size, 1);
});

test('ids are whole numbers above zero that a double holds, and unknown ones are nobody’s', () => {
  const { table, open } = openTable();
  const ids = Array.from({ length: 100 }, () => open().id);
  assert.ok(ids.every((id) => Number.isSafeInteger(id) && id > 0));
  for (const id of [0, 1, 99, table.spareId(), Number.MAX_SAFE_INTEGER])
    assert.equal(table.find(id), undefined);
});

test('places are used again: the table grows with what is under way at once, not with what ever was', () => {
  const { table, open } = openTable();
  const places = new Set<number>();
  for (let round = 0; round < 100; round++) {
    const questions = Array.from({ length: 10 }, open);
    for (const { id } of questions) places.add(id % 2 ** 20);
    for (const { id } of questions) table.close(id);
  }
  assert.equal(places.size, 10);
  assert.equal(table.size, 0);
});

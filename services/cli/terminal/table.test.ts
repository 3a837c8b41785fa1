import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createPainter } from './colors.ts';
import { renderFacts, renderTable } from './table.ts';

const plain = createPainter(false);

test('columns are as wide as their widest cell, and no line ends in blanks', () => {
  const table = renderTable(
    ['A', 'LONG', 'C'],
    [
      ['wide cell', 'x', ''],
      ['é', { text: 'yy', paint: 'red' }, 'z'],
    ],
    plain,
  );
  assert.equal(table, 'A          LONG  C\nwide cell  x\né          yy    z\n');
});

test('colours do not change the columns', () => {
  const painted = renderTable(['A', 'B'], [[{ text: 'x', paint: 'green' }, 'y']], createPainter(true));
  const bare = renderTable(['A', 'B'], [[{ text: 'x', paint: 'green' }, 'y']], plain);
  assert.equal(stripVTControlCharacters(painted), bare);
});

test('a cell cannot break out of its line', () => {
  const table = renderTable(['A'], [['one\ntwo\u001b[2J']], plain);
  assert.equal(table, 'A\none\\u000atwo\\u001b[2J\n');
});

test('absent facts are left out', () => {
  const facts = renderFacts(
    [
      ['name', 'value'],
      ['gone', undefined],
      ['n', ''],
    ],
    plain,
  );
  assert.equal(facts, 'name  value\nn\n');
});

const head = ['ID', 'STATE', 'FACTS'];
const rows = [
  ['one', { text: 'active', paint: 'green' }, 'some words that need more room than there is left'],
  ['two', 'ended', ''],
] as const;

test('where the terminal ends the last column is wrapped below itself, and elsewhere nothing is', () => {
  assert.equal(
    renderTable(head, rows, createPainter(false, 40)),
    [
      'ID   STATE   FACTS',
      'one  active  some words that need more',
      '             room than there is left',
      'two  ended',
      '',
    ].join('\n'),
  );
  assert.ok(renderTable(head, rows, plain).includes('more room than there is left\n'));
});

test('a table that a terminal has no room for is written as facts, row by row, and loses nothing', () => {
  const table = renderTable(head, rows, createPainter(true, 32));
  assert.equal(
    stripVTControlCharacters(table),
    [
      'ID     one',
      'STATE  active',
      'FACTS  some words that need more',
      '       room than there is left',
      '',
      'ID     two',
      'STATE  ended',
      '',
    ].join('\n'),
  );
});

test('a word longer than the room, such as an id, stays whole', () => {
  const id = 'x'.repeat(60);
  assert.equal(renderFacts([['id', `of ${id}`]], createPainter(false, 40)), `id  of\n    ${id}\n`);
});

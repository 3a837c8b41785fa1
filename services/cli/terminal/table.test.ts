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

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsShownMax, renderFaults, SourceText, wholeFileFault } from './source-fault.ts';

test('a fault shows its line with carets under the place', () => {
  const source = new SourceText('a.cedar', 'one\n\ttwo three\nfour');
  const start = source.text.indexOf('two');
  assert.equal(
    renderFaults([source.faultAt({ start, end: start + 3 }, 'what is wrong', 'what to do')]),
    'a.cedar:2:2: what is wrong; what to do\n    2 |  two three\n      |  ^^^',
  );
});

test('carets stay within their line, and there is at least one', () => {
  const source = new SourceText('a', 'ab\ncd');
  assert.match(source.faultAt({ start: 1, end: 5 }, 'x').excerpt, /\| {2}\^$/);
  const atEnd = source.faultAt({ start: 5, end: 6 }, 'x');
  assert.deepEqual([atEnd.line, atEnd.column], [2, 3]);
  assert.match(atEnd.excerpt, /\^$/);
  assert.equal(new SourceText('a', '').faultAt({ start: 0, end: 1 }, 'x').line, 1);
});

test('a long line is cut around the place, and control characters do not reach the terminal', () => {
  const source = new SourceText('a', `${'x'.repeat(5_000)}\u001b[31mHERE${'y'.repeat(5_000)}`);
  const start = source.text.indexOf('HERE');
  const { excerpt, column } = source.faultAt({ start, end: start + 4 }, 'x');
  assert.equal(column, 5_006);
  assert.ok(excerpt.length < 300);
  assert.ok(!excerpt.includes('\u001b'));
  const [line = '', carets = ''] = excerpt.split('\n');
  assert.equal(line.slice(carets.indexOf('^'), carets.lastIndexOf('^') + 1), 'HERE');
});

test('faults come in the order of files and lines, and the rest is counted', () => {
  const faults = Array.from({ length: faultsShownMax + 5 }, (_, i) =>
    wholeFileFault(`f${String(99 - i).padStart(2, '0')}`, 'x'),
  );
  const lines = renderFaults(faults).split('\n');
  assert.deepEqual([lines[0], lines.at(-1), lines.length], ['f45: x', 'and 5 more', faultsShownMax + 1]);
  assert.equal(renderFaults(faults, 40), 'f45: x\nf46: x\nf47: x\nand 52 more');
});

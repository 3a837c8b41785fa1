import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { StoryBroken, StoryTeller } from './story-teller.ts';

function teller() {
  const chunks: string[] = [];
  const story = new StoryTeller({ write: (text) => void chunks.push(text) });
  const lines = () =>
    stripVTControlCharacters(chunks.join(''))
      .replace(/^ +\d+\.\d\d s/gm, '  0.00 s')
      .split('\n');
  return { story, lines };
}

test('what is longer than eighty columns goes on below its own beginning', () => {
  const { story, lines } = teller();
  story.step('short');
  story.check(true, `it has ${'word '.repeat(14)}end`);
  story.proved(true, '#7', `grant.decided ${'word '.repeat(12)}end`);
  story.detail(`because ${'word '.repeat(14)}end`);
  assert.deepEqual(lines(), [
    '  0.00 s ✓  1 short',
    '  0.00 s ✓  2 it has word word word word word word word word word word word word',
    '              word word end',
    '              ✓ #7    grant.decided word word word word word word word word word',
    '                      word word word end',
    '              because word word word word word word word word word word word',
    '              word word word end',
    '',
  ]);
});

test('a word that fits no line stays whole, and rows and drawings are left as they are', () => {
  const { story, lines } = teller();
  const id = 'x'.repeat(90);
  story.step(`made for ${id}`);
  story.drawing([id]);
  story.table([{ name: 'Ada', item: 'engine' }]);
  assert.deepEqual(lines(), [
    '  0.00 s ✓  1 made for',
    `              ${id}`,
    `  ${id}`,
    '              Ada   engine',
    '',
  ]);
});

test('what others have named drives no terminal and makes no lines of its own', () => {
  const { story, lines } = teller();
  const hostile = 'a\u001b[2J\r\nb\u202ec';
  const shown = 'a\\u001b[2J\\u000d\\u000ab\\u202ec';
  story.step(hostile);
  story.proved(true, '', `nearest rule: ${hostile}`);
  story.detail(hostile);
  story.drawing([hostile]);
  story.table([
    { name: hostile, item: 1 },
    { name: 'Ada', item: 2 },
  ]);
  assert.deepEqual(lines(), [
    `  0.00 s ✓  1 ${shown}`,
    `              ✓ nearest rule: ${shown}`,
    `              ${shown}`,
    `  ${shown}`,
    `              ${shown}  1`,
    `              ${'Ada'.padEnd(shown.length)}  2`,
    '',
  ]);
});

test('what does not hold is marked, and breaks the story', () => {
  const { story, lines } = teller();
  assert.throws(() => story.check(false, 'the role is gone'), StoryBroken);
  assert.throws(() => story.proved(false, '#3', 'grant.decided'), StoryBroken);
  assert.deepEqual(lines(), ['  0.00 s ✗  1 the role is gone', '              ✗ #3    grant.decided', '']);
});

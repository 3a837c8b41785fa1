import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldedText } from './folded-text.ts';

test('a first line longer than 80 columns goes on indented, and lines below it stay', () => {
  const below = 'word '.repeat(20).trimEnd();
  assert.equal(
    foldedText(`  ${'word '.repeat(16)}end\n${below}`),
    `  ${'word '.repeat(15).trimEnd()}\n    word end\n${below}`,
  );
});

test("others' words drive no terminal, in the first line and below", () => {
  assert.equal(
    foldedText('✗ a\u001b[2J\rb\n  \u202ec\u009b1m'),
    '✗ a\\u001b[2J\\u000db\n  \\u202ec\\u009b1m',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tokenize } from './cedar-tokens.ts';

const texts = (text: string) => [...tokenize(text)].map((token) => token.text);

test('words, texts and signs come apart; blanks and comments go', () => {
  assert.deepEqual(texts('a::"b \\" // c" && !x2 // end; "\n<= [1]'), [
    'a',
    '::',
    '"b \\" // c"',
    '&&',
    '!',
    'x2',
    '<=',
    '[',
    '1',
    ']',
  ]);
});

test('a text that is never closed reaches to the end', () => {
  assert.deepEqual(texts('a "b; c'), ['a', '"b; c']);
  assert.deepEqual(texts('"\\'), ['"\\']);
});

test('tokens stand where they say, in order, and leave out only blanks and comments', () => {
  const pieces = fc.constantFrom(
    'a',
    '"',
    '\\',
    '//',
    '\n',
    ' ',
    ';',
    '&&',
    '|',
    '(',
    ')',
    '::',
    'é',
    '😀',
    '\u2028',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const text = parts.join('');
      let end = 0;
      for (const token of tokenize(text)) {
        assert.equal(text.slice(token.start, token.end), token.text);
        assert.match(text.slice(end, token.start), /^(?:\s|\/\/[^\n]*(?:\n|$))*$/);
        end = token.end;
      }
      assert.match(text.slice(end), /^(?:\s|\/\/[^\n]*(?:\n|$))*$/);
    }),
    { numRuns: 1_000 },
  );
});

test('millions of blanks, comments, escapes or letters are no more than long', () => {
  for (const [text, count] of [
    [' '.repeat(3e6), 0],
    ['//\n'.repeat(1e6), 0],
    ['"'.padEnd(3e6, '\\"'), 1],
    ['"'.padEnd(3e6, 'a'), 1],
  ] as const) {
    assert.equal(texts(text).length, count);
  }
});

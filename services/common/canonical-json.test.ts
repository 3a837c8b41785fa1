import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalDepthMax, canonicalJson, parseCanonicalJson } from './canonical-json.ts';

const asciiKey = fc.string({ unit: 'binary-ascii' });
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    tie('array'),
    tie('object'),
  ),
  array: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.dictionary(asciiKey, tie('value'), { maxKeys: 6, noNullPrototype: true }),
})).value;

test('what is written reads back the same, and has one byte form', () => {
  fc.assert(
    fc.property(value, (made) => {
      const bytes = Buffer.from(canonicalJson(made), 'utf8');
      const read = parseCanonicalJson(bytes);
      assert.deepEqual(read, JSON.parse(bytes.toString('utf8')));
      assert.equal(canonicalJson(read), bytes.toString('utf8'));
    }),
  );
});

test('keys are sorted and nothing is between tokens', () => {
  assert.equal(
    canonicalJson({ b: 1, a: [true, 'x', {}], A: -0, 10: 2, 9: 1 }),
    '{"10":2,"9":1,"A":0,"a":[true,"x",{}],"b":1}',
  );
  assert.equal(
    canonicalJson('\u20ac$\u000f\nA\'B"\\\\"/\u007f'),
    '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f"',
  );
  assert.equal(canonicalJson({ gone: undefined }), '{}');
});

test('members stand in the order of their names, however many there are and in whatever order they come', () => {
  fc.assert(
    fc.property(fc.uniqueArray(asciiKey, { maxLength: 40 }), (keys) => {
      const made = Object.fromEntries(keys.map((key) => [key, 1]));
      const written = [...keys].sort().map((key) => `${JSON.stringify(key)}:1`);
      assert.equal(canonicalJson(made), `{${written.join(',')}}`);
    }),
  );
});

test('a value without a form is refused', () => {
  const holes: unknown[] = [1];
  holes[2] = 2;
  for (const bad of [
    null,
    0.5,
    Number.NaN,
    2 ** 53,
    1n,
    undefined,
    holes,
    [undefined],
    new Date(0),
    Buffer.from('x'),
    { é: 1 },
    () => 1,
  ]) {
    assert.throws(() => canonicalJson(bad), TypeError);
  }
});

test('bytes that are JSON but not canonical are refused', () => {
  const refused = [
    '{"a":1,"a":1}',
    '{"b":1,"a":1}',
    '{ "a":1}',
    '1.0',
    '1e3',
    '-0',
    '9007199254740993',
    'null',
    '[1,]',
    '"\\u0041"',
    '"\\ud800"',
    '{"\\u00e9":1}',
    '\ufeff{}',
    '{}\n',
    '',
  ];
  for (const text of refused)
    assert.throws(() => parseCanonicalJson(Buffer.from(text, 'utf8')), TypeError, text);
  assert.throws(() => parseCanonicalJson(Buffer.from([0x22, 0xff, 0x22])), TypeError, 'invalid UTF-8');
});

test('depth made to exhaust the stack is refused, and the deepest allowed is not', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  assert.doesNotThrow(() => parseCanonicalJson(nested(canonicalDepthMax)));
  assert.throws(() => parseCanonicalJson(nested(canonicalDepthMax + 1)), TypeError);
  assert.throws(() => parseCanonicalJson(nested(400_000)), TypeError);
});

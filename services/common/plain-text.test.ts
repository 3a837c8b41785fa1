import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainJson, plainText } from './plain-text.ts';

const hostile = 'a\u001b[2J\u009b31m\r\nb\u202ec\u2028d\u200ee\u0000';
const unseen = 'a\u200bb\u200dc\u00add\ufeffe\u{e0041}f\ufe0fg\u{e0100}h\u3164';

test('no character of others moves the cursor, changes colours or hides what is there', () => {
  assert.equal(plainText(hostile), 'a\\u001b[2J\\u009b31m\\u000d\\u000ab\\u202ec\\u2028d\\u200ee\\u0000');
  assert.equal(
    plainText(unseen),
    'a\\u200bb\\u200dc\\u00add\\ufeffe\\udb40\\udc41f\\ufe0fg\\udb40\\udd00h\\u3164',
  );
  assert.equal(plainText('héllo ✓ 漢字'), 'héllo ✓ 漢字');
});

test('JSON is fit for a terminal too and reads back as it was', () => {
  for (const indent of [undefined, 2]) {
    const json = plainJson({ text: hostile, list: [1, null] }, indent);
    assert.deepEqual(JSON.parse(plainJson({ unseen }, indent)), { unseen });
    assert.match(plainJson(unseen), /^[ -~]*$/);
    assert.doesNotMatch(json.replaceAll('\n', ''), /[\p{Cc}\u200e\u2028\u202e]/u);
    assert.deepEqual(JSON.parse(json), { text: hostile, list: [1, null] });
  }
});

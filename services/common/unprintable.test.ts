import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstUnprintable } from './unprintable.ts';

test('every character that shows as nothing, or as another, is found and named', () => {
  const hidden: readonly [string, string][] = [
    ['\u0007', 'U+0007'],
    ['\u0085', 'U+0085'],
    ['\u00ad', 'U+00AD'],
    ['\u034f', 'U+034F'],
    ['\u061c', 'U+061C'],
    ['\u115f', 'U+115F'],
    ['\u180e', 'U+180E'],
    ['\u200b', 'U+200B'],
    ['\u200c', 'U+200C'],
    ['\u200d', 'U+200D'],
    ['\u200e', 'U+200E'],
    ['\u2028', 'U+2028'],
    ['\u202e', 'U+202E'],
    ['\u2060', 'U+2060'],
    ['\u2066', 'U+2066'],
    ['\u3164', 'U+3164'],
    ['\ufe0f', 'U+FE0F'],
    ['\ufeff', 'U+FEFF'],
    ['\ufff9', 'U+FFF9'],
    ['\u{13430}', 'U+13430'],
    ['\u{1d173}', 'U+1D173'],
    ['\u{e0001}', 'U+E0001'],
    ['\u{e0041}', 'U+E0041'],
    ['\u{e007f}', 'U+E007F'],
    ['\u{e0100}', 'U+E0100'],
  ];
  for (const [character, name] of hidden) {
    assert.equal(firstUnprintable(`INC${character}-12`), name);
    assert.equal(firstUnprintable(character), name);
  }
});

test('what people write is taken: words of all scripts, marks, emoji of one character, Persian and Indic joiners', () => {
  for (const text of [
    '',
    'nightly report für das Lager',
    'отчёт, 漢字, かな, 한국어, ไทย, עברית, العربية',
    'e\u0301te\u0301',
    'ship it 🚀 ✅ 👍🏽',
    'می\u200cخواهم گزارش',
    'क्\u200dष और क्\u200cष',
    'ශ්\u200dරී ලංකා',
  ])
    assert.equal(firstUnprintable(text), undefined, text);
});

test('a joiner is refused wherever it joins nothing', () => {
  for (const text of [
    'ad\u200dmin',
    'می\u200c',
    '\u200cمی',
    'می\u200c\u200cخواهم',
    'می\u200ca',
    '👨\u200d👩',
    'می \u200cم',
  ])
    assert.match(firstUnprintable(text) ?? '', /^U\+200[CD]$/, JSON.stringify(text));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellWords } from './shell-words.ts';

test('a command that is shown can be typed as it stands', () => {
  assert.equal(shellWords(['stint', 'explain', 'db-1', 'read']), 'stint explain db-1 read');
  assert.equal(shellWords(['a b', "it's", '$(x)', '']), "'a b' 'it'\\''s' '$(x)' ''");
});

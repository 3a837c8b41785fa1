import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggestName } from './name-suggestion.ts';

test('a near name is suggested, a far one is not', () => {
  const known = ['branch', 'repository', 'environment'];
  assert.equal(suggestName('brnach', known), 'did you mean "branch"?');
  assert.equal(suggestName('Environmnt', known), 'did you mean "environment"?');
  assert.equal(suggestName('owner', known), '');
  assert.equal(suggestName('', known), '');
  assert.equal(suggestName('x'.repeat(1_000_000), known), '');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathText } from './path-text.ts';

test('a path below the directory is shown from there, every other one whole', () => {
  assert.equal(pathText('/srv/app/policies/a.cedar:3', '/srv/app'), 'policies/a.cedar:3');
  assert.equal(pathText('/srv/app', '/srv/app'), '/srv/app');
  assert.equal(pathText('/srv/other/a.cedar:3', '/srv/app'), '/srv/other/a.cedar:3');
  assert.equal(pathText('/srv/app2/a.cedar', '/srv/app'), '/srv/app2/a.cedar');
  assert.equal(pathText('policies/a.cedar:3', '/srv/app'), 'policies/a.cedar:3');
});

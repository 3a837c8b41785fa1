import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { version } from './version.ts';

test('every package has the version that the programs tell', () => {
  const packages = ['package.json', ...globSync('services/*/package.json', { cwd: repositoryRoot })];
  assert.ok(packages.length > 4);
  for (const file of packages)
    assert.equal(JSON.parse(readFileSync(path.join(repositoryRoot, file), 'utf8')).version, version, file);
});

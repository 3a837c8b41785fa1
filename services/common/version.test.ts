import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { version } from './version.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('every package has the version that the programs tell', () => {
  const packages = ['package.json', ...globSync('services/*/package.json', { cwd: root })];
  assert.ok(packages.length > 4);
  for (const file of packages)
    assert.equal(JSON.parse(readFileSync(path.join(root, file), 'utf8')).version, version, file);
});

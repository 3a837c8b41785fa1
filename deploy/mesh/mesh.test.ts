import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/harness/temp-dir.ts';
import { Mesh } from './mesh.ts';

test('a mesh does not start where somebody else may put sockets in the place of its own', async (t) => {
  const stateDirectory = tempDir(t);
  const run = path.join(stateDirectory, 'run');
  mkdirSync(run);
  chmodSync(run, 0o777);
  await assert.rejects(Mesh.start({ stateDirectory, environment: {} }), { kind: 'exposed' });
});

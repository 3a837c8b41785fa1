import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
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

test('a mesh does not start on a mesh file that was changed by hand, and says where', async (t) => {
  const stateDirectory = tempDir(t);
  const file = path.join(stateDirectory, 'mesh.json');
  const sockets = { brokerSocket: '/b', auditorSocket: '/a', sidecarSocket: '/s', logDirectory: '/l' };
  const ports = { mesh: 1, bootstrap: 2, auditor: 3, nats: 99_999_999, postgres: 5 };
  writeFileSync(file, JSON.stringify({ version: 1, pid: 1, trustDomain: 'stint.local', ...sockets, ports }));
  await assert.rejects(Mesh.start({ stateDirectory, environment: {} }), {
    message: `"${file}": "ports.nats" must be a port, 1 to 65535, and is 99999999; remove the file, and the next start writes a new one`,
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../deploy/tools.ts';
import { tempDir } from '../../test/harness/temp-dir.ts';
import { CliError } from './cli-error.ts';
import { requireListener } from './require-listener.ts';

async function refusalOf(socket: string, source: string) {
  const thrown = await requireListener('sidecar', { path: socket, source }).catch((fault: unknown) => fault);
  assert.ok(thrown instanceof CliError);
  const { what, why, fix, reason } = thrown.failure;
  assert.equal(reason, 'NOT_RUNNING');
  return { what, why, fix };
}

test('of a socket that was named by itself the path is to be checked, and what is no socket is called so', async (t) => {
  const file = path.join(tempDir(t), 'file');
  writeFileSync(file, '');
  for (const source of ['--sidecar-socket', 'STINT_SIDECAR_SOCKET']) {
    const fix = `check the path that ${source} names, or start the sidecar that is to listen there`;
    const absent = { why: `there is no such file (ENOENT); named by ${source}`, fix };
    const what = 'no sidecar listens at "/nowhere"';
    assert.deepEqual(await refusalOf('/nowhere', source), { what, ...absent });
    const why = `it is no socket (ECONNREFUSED); named by ${source}`;
    assert.deepEqual(await refusalOf(file, source), { what: `no sidecar listens at "${file}"`, why, fix });
  }
});

test('the mesh that was meant is the one to be started', async () => {
  const fixOf = async (source: string) => (await refusalOf('/nowhere', source)).fix;
  assert.equal(await fixOf(path.join(repositoryRoot, '.stint/mesh.json')), 'npm start');
  assert.equal(await fixOf("/srv/ada's/mesh.json"), "npm start -- --state-dir '/srv/ada'\\''s'");
  assert.equal(
    await fixOf('XDG_RUNTIME_DIR'),
    'npm start (in the repository, or go there), or name it with --sidecar-socket',
  );
});

test('a service that listens is there', async (t) => {
  const socket = path.join(tempDir(t), 'socket');
  const server = createServer().listen(socket);
  t.after(() => server.close());
  await once(server, 'listening');
  await requireListener('sidecar', { path: socket, source: '--sidecar-socket' });
});

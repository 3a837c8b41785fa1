import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { listenOnUnixSocket } from '@stint/common/grpc/unix-socket.ts';
import { meshPaths } from '../../../deploy/mesh/mesh-paths.ts';
import { faultText } from './start-fault.ts';
import { lockState } from './state-lock.ts';

const root = mkdtempSync(path.join(tmpdir(), 'stint-lock-'));
after(() => rmSync(root, { recursive: true, force: true }));

function refusalText(state: string, holder: string): string {
  return [
    `another mesh runs in "${state}"`,
    `  why: ${holder} holds that state directory`,
    '  fix: end it (Ctrl-C there), or: npm start -- --state-dir DIR',
    '  code: MESH_RUNNING',
  ].join('\n');
}

const refused = (state: string) => lockState(state).then(() => 'taken', faultText);

test('a state directory is of one mesh: the next is told which process holds it, and what to do', async () => {
  const state = path.join(root, 'a');
  const lock = await lockState(state);
  assert.equal(await refused(state), refusalText(state, `process ${process.pid}`));
  lock.close();
  (await lockState(state)).close();
});

test('a holder that does not say which process it is is told as one', async () => {
  const state = path.join(root, 'b');
  const holder = createServer((socket) => socket.on('error', () => undefined).end('who asks?'));
  await listenOnUnixSocket(holder, path.join(meshPaths(state).run, 'mesh', 'mesh.sock'));
  after(() => void holder.close());
  assert.equal(await refused(state), refusalText(state, 'a process'));
});

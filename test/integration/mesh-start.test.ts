import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { services } from '@stint/common/proto.ts';
import { writeMeshFile } from '../../deploy/mesh/mesh-file.ts';
import { meshPaths } from '../../deploy/mesh/mesh-paths.ts';
import { choosePorts } from '../../deploy/mesh/mesh-ports.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { MeshUnderTest, skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { tempDir } from '../harness/temp-dir.ts';

/** How long the auditor's words to the bus are held back once it serves: far more than a status call takes. */
const lateMs = 600;

test('a mesh that has started is whole, however late its auditor finds the bus', {
  skip: skipWithoutMesh,
  timeout: 60_000,
}, async (t) => {
  const directory = tempDir(t);
  const ports = await choosePorts(undefined);
  rememberPorts(directory, ports);
  const bus = await faultProxy(t, { host: '127.0.0.1', port: ports.nats });
  bus.set('request', 'hold');
  const at = await MeshUnderTest.start(t, {
    directory,
    args: { auditor: ['--nats-url', `tls://127.0.0.1:${bus.port}`] },
    onReady: (part) => {
      if (part === 'auditor') void delay(lateMs).then(() => bus.set('request', 'pass'));
    },
  });
  const [broker, auditor, sidecar] = await Promise.all([
    at.admin.call(services.admin.GetStatus, {}),
    at.auditor.call(services.audit.GetStatus, {}),
    at.sidecar.call(services.sidecar.GetStatus, {}),
  ]);
  assert.deepEqual([broker.busConnected, auditor.busConnected, sidecar.connected], [true, true, true]);
});

/** As a mesh leaves it behind: the next start takes the same ports. */
function rememberPorts(directory: string, ports: Awaited<ReturnType<typeof choosePorts>>): void {
  const paths = meshPaths(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { brokerSocket, auditorSocket, log: logDirectory } = paths;
  const sidecarSocket = paths.sidecarSocket('demo');
  const places = { brokerSocket, auditorSocket, sidecarSocket, logDirectory };
  writeMeshFile(paths.meshFile, { version: 1, pid: 1, trustDomain: 'stint.local', ...places, ports });
}

import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { services } from '@stint/common/proto.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { auditService } from '../../services/auditor/rpc/audit-service.ts';
import { lastingCallsMax, tailsPerIdentityMax } from '../../services/auditor/rpc/method-table.ts';
import { auditLogOfOneBroker } from '../harness/audit-log.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { connectTo, echoServerId, meshListener } from '../harness/echo-server.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { testDomain } from '../harness/test-broker.ts';
import { TestCa } from '../harness/test-ca.ts';

/** The auditor's queries as it serves them: viewers by mutual TLS, the operator by a socket of his own. */
async function serve(t: TestContext) {
  const { store, quarantine, publisher, signal } = await auditLogOfOneBroker(t);
  const { note } = publisher.current();
  const facts = {
    verifierKey: '',
    sources: () => [],
    isBusConnected: () => true,
    outage: () => undefined,
    version: '',
  };
  const answers = auditService({ store, quarantine, publisher, signal, ...facts });
  const by = { clock: systemClock, log: capturedLog().log };
  const ca = await TestCa.create();
  const socket = path.join(tempDir(t), 'admin', 'admin.sock');
  const [mesh, admin] = await Promise.all(
    [meshListener(await ca.source(echoServerId)), { kind: 'unix', path: socket } as const].map((listener) =>
      startGrpcServer({ name: 'auditor', services: [answers], listeners: [listener], ...by }),
    ),
  );
  assert.ok(mesh !== undefined && admin !== undefined);
  for (const server of [mesh, admin]) t.after(() => server.close(0));
  const operator = connectGrpc({ target: { unixPath: socket }, unavailable: 'AUDIT_UNAVAILABLE', ...by });
  t.after(() => operator.close());
  const viewer = async (name: string) =>
    connectTo(t, mesh, { source: await ca.source(stintIds.viewer(testDomain, name)) });
  /** Opens a feed, and resolves when it has given its first message. */
  const openTail = async (channel: GrpcChannel): Promise<void> => {
    const tail = channel.serverStream(services.audit.TailRecords, { typePrefix: '' })[Symbol.asyncIterator]();
    const first = await tail.next();
    assert.equal(first.value?.checkpoint, note);
  };
  return { viewer, operator, openTail };
}

test('viewers that together take all they may shut out neither a viewer that has nothing nor the operator', async (t) => {
  const { viewer, operator, openTail } = await serve(t);
  const refused = { reason: 'RATE_LIMITED', retryAfterMs: 5_000 };
  const half = lastingCallsMax / 2;
  for (let taken = 0; taken < half; taken += tailsPerIdentityMax) {
    const greedy = await viewer(`greedy-${taken}`);
    for (let i = 0; i < tailsPerIdentityMax; i++) await openTail(greedy);
    await assert.rejects(openTail(greedy), refused);
  }
  const modest = await viewer('modest');
  await openTail(modest);
  await assert.rejects(openTail(modest), { ...refused, message: /the room left is for identities/ });
  for (let i = 1; i < half; i++) await openTail(await viewer(`modest-${i}`));
  await assert.rejects(openTail(await viewer('late')), { ...refused, message: /all identities together/ });
  for (let i = 0; i < lastingCallsMax; i++) await openTail(operator);
});

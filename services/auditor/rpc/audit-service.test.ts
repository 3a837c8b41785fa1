import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import type { Caller } from '@stint/common/grpc-method.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { createLog } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { openAuditLog } from '../../../test/harness/audit-log.ts';
import { suiteScope } from '../../../test/harness/suite-scope.ts';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import { testDomain, testTrust } from '../../../test/harness/test-broker.ts';
import { auditService } from './audit-service.ts';
import {
  auditMethods,
  lastingCallsMax,
  listsPerIdentityMax,
  proofsPerIdentityMax,
  tailsPerIdentityMax,
} from './method-table.ts';

const scope = suiteScope();

async function emptyLog() {
  const trust = await testTrust(scope, systemClock);
  const log = await openAuditLog(path.join(tempDir(scope), 'log'), { trust, clock: systemClock });
  scope.after(log.close);
  return log;
}

test('one viewer takes neither another viewer’s room nor the operator’s, and gets its own back', async () => {
  const { store, quarantine, publisher, signal } = await emptyLog();
  const facts = {
    verifierKey: '',
    sources: () => [],
    isBusConnected: () => true,
    outage: () => undefined,
    version: '',
  };
  const { handlers } = auditService({ store, quarantine, publisher, signal, ...facts });
  const out = { write: () => true, drained: () => Promise.resolve() };
  const ends: AbortController[] = [];
  const contextOf = (caller: Caller) => {
    const end = new AbortController();
    ends.push(end);
    return { caller, signal: end.signal };
  };
  type Handler = (...args: unknown[]) => Promise<unknown>;
  const tail = (caller: Caller) =>
    (handlers['TailRecords'] as Handler)({ typePrefix: '' }, out, contextOf(caller));
  const proof = (caller: Caller) =>
    (handlers['GetInclusionProof'] as Handler)({ record: 'index', index: 0, wait: true }, contextOf(caller));
  const none = { fromIndex: 0, pageSize: 0, grantId: '', requestId: '', leaseId: '', spiffeId: '' };
  const list = (caller: Caller) =>
    (handlers['ListRecords'] as Handler)({ ...none, typePrefix: '', newestFirst: false }, contextOf(caller));
  const viewer = (name: string): Caller => ({
    kind: 'svid',
    spiffeId: stintIds.viewer(testDomain, name),
    svidSha256: '',
    expiresAt: Number.MAX_SAFE_INTEGER,
  });
  const under: Promise<unknown>[] = [];
  const kinds = [
    [tail, tailsPerIdentityMax],
    [proof, proofsPerIdentityMax],
    [list, listsPerIdentityMax],
  ] as const;
  for (const [call, perIdentityMax] of kinds) {
    for (let i = 0; i < perIdentityMax; i++) under.push(call(viewer('greedy')));
    await assert.rejects(call(viewer('greedy')), { reason: 'RATE_LIMITED' });
    under.push(call(viewer('modest')), call({ kind: 'local' }));
    assert.ok(lastingCallsMax >= 4 * perIdentityMax, 'a few greedy ones do not fill the room of all');
  }
  for (const end of ends) end.abort();
  await Promise.allSettled(under);
  const later = tail(viewer('greedy'));
  ends.at(-1)?.abort();
  await later;
});

test('the mesh and the local socket count by themselves: a full one leaves the other its room', async () => {
  const directory = tempDir(scope);
  const { store, quarantine, publisher, signal } = await emptyLog();
  const facts = {
    verifierKey: '',
    sources: () => [],
    isBusConnected: () => true,
    outage: () => undefined,
    version: '',
  };
  const shared = auditService({ store, quarantine, publisher, signal, ...facts });
  const by = { clock: systemClock, log: createLog({ service: 'test', level: 'silent' }) };
  const open = async (name: string) => {
    const socket = path.join(directory, name, 'a.sock');
    const listeners = [{ kind: 'unix', path: socket }] as const;
    const server = await startGrpcServer({ name: 'auditor', services: [shared], listeners, ...by });
    const channel = connectGrpc({ target: { unixPath: socket }, unavailable: 'AUDIT_UNAVAILABLE', ...by });
    return { server, channel };
  };
  const [full, free] = [await open('full'), await open('free')];
  const proof = ({ channel }: typeof full, wait: boolean) =>
    channel.call(services.audit.GetInclusionProof, { index: 0, wait });
  const waiting = Array.from({ length: auditMethods.GetInclusionProof.concurrencyMax }, () =>
    proof(full, true),
  );
  const ended = Promise.allSettled(waiting);
  await assert.rejects(proof(full, true), { reason: 'RATE_LIMITED' });
  await assert.rejects(proof(free, false), { reason: 'RECORD_NOT_FOUND' });
  for (const { server, channel } of [full, free]) {
    channel.close();
    await server.close(0);
  }
  await ended;
});

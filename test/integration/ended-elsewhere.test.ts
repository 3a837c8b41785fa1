import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { type SpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { EndedElsewhere } from '../../services/broker/bus/ended-elsewhere.ts';
import { connected, startAuditBus } from '../harness/audit-bus.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { scratchNats, skipWithoutNats } from '../harness/scratch-servers.ts';
import { testDomain, testTrust } from '../harness/test-broker.ts';
import { until } from '../harness/until.ts';

const self = 'spiffe://stint.local/stint/broker/b1' as SpiffeId;

test('an end that is announced while the subscription is on its way is found by the look at the store after it', {
  skip: skipWithoutNats,
}, async (t) => {
  const { port } = (await scratchNats(t)).current();
  const proxy = await faultProxy(t, { host: '127.0.0.1', port });
  const connection = await connect({ servers: `127.0.0.1:${proxy.port}` });
  const announcer = await connect({ servers: `127.0.0.1:${port}` });
  const ended: string[] = [];
  const told: string[] = [];
  const hearing = new EndedElsewhere({
    link: { onConnected: (listener) => listener(connection) },
    spiffeId: self,
    log: createLog({ service: 'broker', level: 'silent' }),
    hear: (leaseId) => told.push(leaseId),
    missed: () => told.push(...ended),
  });
  t.after(async () => {
    hearing.stop();
    await Promise.all([connection.close(), announcer.close()]);
  });
  const end = async (leaseId: string) => {
    ended.push(leaseId);
    const source = { broker: 'spiffe://stint.local/stint/broker/b2' };
    const event = { type: 'lease.revoking', lease_id: leaseId, source, data: { reason: 'revoked' } };
    announcer.publish('auditlog.lease.revoking', JSON.stringify(event));
    await announcer.flush();
  };
  proxy.set('request', 'hold');
  hearing.start();
  const [early, late] = [newId('lease', 0), newId('lease', 1)];
  await end(early);
  proxy.set('request', 'pass');
  await until('the early end is told', 5_000, () => told.includes(early));
  assert.deepEqual(told, [early]);
  await end(late);
  await until('the late end is told', 5_000, () => told.includes(late));
  assert.deepEqual(told, [early, late], 'each once');
});

test('a bus whose nats.conf is older than the broker is said in the log with what to do, and heard once it is mended', {
  skip: skipWithoutNats,
}, async (t) => {
  const trust = await testTrust(t, systemClock);
  let isOld = true;
  const rights = ', "auditlog.lease.revoking", "auditlog.lease.revoked"';
  const auditBus = await startAuditBus(t, trust, {
    brokers: ['b1'],
    viewers: [],
    edit: (config) => (isOld ? config.replace(rights, '') : config),
  });
  const { log, lines } = capturedLog({ level: 'warn' });
  const told: string[] = [];
  let looks = 0;
  const hearing = new EndedElsewhere({
    link: await auditBus.link(self),
    spiffeId: self,
    log,
    hear: (leaseId) => told.push(leaseId),
    missed: () => looks++,
  });
  t.after(() => hearing.stop());
  hearing.start();
  await until('it is said of both subjects', 10_000, () => lines.length === 2);
  for (const [i, subject] of ['auditlog.lease.revoking', 'auditlog.lease.revoked'].entries()) {
    const { level, subject: about, message, todo } = lines[i] ?? {};
    assert.deepEqual([level, about], ['error', subject]);
    assert.match(String(message), /may not hear what other brokers end/);
    assert.match(String(todo), /"stint bus config".*reload/);
  }
  assert.equal(looks, 1, 'the store is looked at all the same');

  isOld = false;
  await auditBus.nats.crash();
  await auditBus.nats.restart();
  await until('the store is looked at again', 10_000, () => looks === 2);
  const auditor = await auditBus.link(stintIds.auditor(testDomain));
  await connected(auditor);
  const leaseId = newId('lease', 0);
  const source = { broker: 'spiffe://stint.local/stint/broker/b2' };
  const event = { type: 'lease.revoking', lease_id: leaseId, source, data: { reason: 'revoked' } };
  auditor.publish('auditlog.lease.revoking', Buffer.from(JSON.stringify(event)));
  await until('the end is heard', 5_000, () => told.includes(leaseId));
  assert.equal(lines.length, 2);
});

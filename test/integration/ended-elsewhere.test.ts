import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { newId } from '@stint/common/ids.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { EndedElsewhere } from '../../services/broker/bus/ended-elsewhere.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { scratchNats, skipWithoutNats } from '../harness/scratch-servers.ts';
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
  await until('the early end is told', 5_000, () => told.includes(early) || undefined);
  assert.deepEqual(told, [early]);
  await end(late);
  await until('the late end is told', 5_000, () => told.includes(late) || undefined);
  assert.deepEqual(told, [early, late], 'each once');
});

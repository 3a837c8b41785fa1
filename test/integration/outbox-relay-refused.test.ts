import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bus } from '@stint/common/bus.ts';
import { createLog } from '@stint/common/log.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { OutboxRelay } from '../../services/broker/bus/outbox-relay.ts';
import { connected, startAuditBus } from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { testDomain, testTrust } from '../harness/test-broker.ts';
import { until } from '../harness/until.ts';

const emptyOutbox = {
  sequence: () => 0,
  onCommit: () => undefined,
  read: () => Promise.resolve([]),
  findAt: () => Promise.resolve(undefined),
  release: () => undefined,
};

test('a bus that lets a broker hear no receipts is said in the log with what to do, and heard once it is mended', {
  skip: skipWithoutNats,
}, async (t) => {
  const trust = await testTrust(t, systemClock);
  const subject = bus.receiptSubject('b1');
  let isWrong = true;
  const auditBus = await startAuditBus(t, trust, {
    brokers: ['b1'],
    viewers: [],
    edit: (config) => (isWrong ? config.replace(`"${subject}"`, '"receipt.another"') : config),
  });
  const said: string[] = [];
  const spiffeId = stintIds.broker(testDomain, 'b1');
  const relay = new OutboxRelay({
    link: await auditBus.link(spiffeId),
    outbox: emptyOutbox,
    brokerName: 'b1',
    spiffeId,
    verifierKeyFile: '/nowhere',
    log: createLog({ service: 'broker', level: 'warn', sink: { write: (line) => said.push(line) } }),
  });
  t.after(() => relay.stop());
  relay.start();
  await until('it is said', 10_000, () => said.length === 1);
  const line = JSON.parse(said[0] ?? '');
  assert.deepEqual([line.level, line.subject], ['error', subject]);
  assert.match(line.message, /may not hear receipts/);
  assert.match(line.todo, /"stint bus config".*reload/);

  isWrong = false;
  await auditBus.nats.crash();
  await auditBus.nats.restart();
  const auditor = await auditBus.link(stintIds.auditor(testDomain));
  await connected(auditor);
  await until('a receipt is heard', 10_000, () => {
    auditor.publish(subject, Buffer.from('no receipt'));
    return said.some((text) => text.includes('a receipt could not be read'));
  });
  assert.ok(
    said.every((text) => !text.includes('may not hear') || text === said[0]),
    'said once',
  );
});

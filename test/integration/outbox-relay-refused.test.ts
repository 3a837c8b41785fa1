import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bus } from '@stint/common/bus.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { OutboxRelay } from '../../services/broker/bus/outbox-relay.ts';
import { connected, startAuditBus } from '../harness/audit-bus.ts';
import { capturedLog } from '../harness/captured-log.ts';
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
  const { log, lines } = capturedLog({ level: 'warn' });
  const spiffeId = stintIds.broker(testDomain, 'b1');
  const relay = new OutboxRelay({
    link: await auditBus.link(spiffeId),
    outbox: emptyOutbox,
    brokerName: 'b1',
    spiffeId,
    verifierKeyFile: '/nowhere',
    log,
  });
  t.after(() => relay.stop());
  relay.start();
  await until('it is said', 10_000, () => lines.length === 1);
  const { level, subject: about, message, todo } = lines[0] ?? {};
  assert.deepEqual([level, about], ['error', subject]);
  assert.match(String(message), /may not hear receipts/);
  assert.match(String(todo), /"stint bus config".*reload/);

  isWrong = false;
  await auditBus.nats.crash();
  await auditBus.nats.restart();
  const auditor = await auditBus.link(stintIds.auditor(testDomain));
  await connected(auditor);
  await until('a receipt is heard', 10_000, () => {
    auditor.publish(subject, Buffer.from('no receipt'));
    return lines.some(({ message }) => message === 'a receipt could not be read');
  });
  assert.equal(lines.filter(({ message }) => String(message).includes('may not hear')).length, 1);
});

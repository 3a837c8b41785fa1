import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseReceiptBody } from '@stint/common/audit-batch.ts';
import { bus } from '@stint/common/bus.ts';
import { parseConfig } from '@stint/common/config/parse-config.ts';
import { codecs } from '@stint/common/proto.ts';
import { openNote, parseVerifierKey } from '@stint/common/signed-note.ts';
import { systemClock } from '@stint/common/time.ts';
import { auditorConfig } from '../../services/auditor/config.ts';
import { drainMsMax, receiptMs } from '../../services/broker/bus/outbox-relay.ts';
import { auditorPlace, connected, startAuditBus, startAuditorProcess } from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { TestBroker, testTrust } from '../harness/test-broker.ts';
import { until } from '../harness/until.ts';

const slowSigning = [fileURLToPath(new URL('../programs/slow-signing-auditor.ts', import.meta.url))];

test('a broker that begins has its receipt at once, and not when a checkpoint would be due', {
  skip: skipWithoutNats,
}, async (t) => {
  const trust = await testTrust(t, systemClock);
  const auditBus = await startAuditBus(t, trust, { brokers: ['b1'], viewers: [] });
  const broker = await TestBroker.make(trust, 'b1', systemClock);
  const link = await auditBus.link(broker.spiffeId);
  const seen: number[] = [];
  const place = auditorPlace(t);
  const auditor = await startAuditorProcess(t, { bus: auditBus, place, program: slowSigning });
  const verifier = parseVerifierKey(auditor.verifierKey);
  assert.ok(verifier);
  (await connected(link)).subscribe(bus.receiptSubject('b1'), {
    callback: (_error, message) => {
      const text = openNote(codecs.receipt.decode(message.data).note, verifier) ?? '';
      seen.push(parseReceiptBody(verifier.name, text)?.seq ?? -1);
    },
  });
  await auditBus.publish(link, { broker, batch: broker.startEpoch() });
  await until('the first receipt', 10_000, () => seen[0]);
  assert.deepEqual(seen, [1]);
});

test('an auditor signs often enough for brokers that wait for a receipt, also when they stop', () => {
  const patienceMs = Math.min(drainMsMax, receiptMs.first);
  const intervals = (text: string) => {
    const args = [`--checkpoint-interval=${text}`];
    const outcome = parseConfig(auditorConfig, { args, environment: {}, directory: process.cwd() });
    return outcome.kind === 'print' ? outcome.text : outcome.config.checkpointInterval;
  };
  assert.equal(intervals(`${patienceMs / 2}ms`), patienceMs / 2);
  assert.match(String(intervals(`${patienceMs / 2 + 1}ms`)), /checkpoint-interval.*50ms to 1s/);
});

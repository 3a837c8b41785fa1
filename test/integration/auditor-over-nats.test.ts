import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { batchHash, parseReceiptBody, type ReceiptBody } from '@stint/common/audit-batch.ts';
import { bus } from '@stint/common/bus.ts';
import { leafHash, verifyConsistency, verifyInclusion } from '@stint/common/merkle.ts';
import { unacknowledgedMax } from '@stint/common/nats-streams.ts';
import { codecs, services } from '@stint/common/proto.ts';
import { openNote, parseCheckpoint, parseVerifierKey } from '@stint/common/signed-note.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import {
  type AuditBus,
  type AuditorProcess,
  auditorPlace,
  connected,
  startAuditBus,
  startAuditorProcess,
} from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { batchPayload, TestBroker, testDomain, testTrust } from '../harness/test-broker.ts';

const origin = 'stint.local/stint/log';

describe('the auditor over a real bus', { skip: skipWithoutNats }, () => {
  const scope = suiteScope();
  let auditBus: AuditBus;
  let broker: TestBroker;
  let auditor: AuditorProcess;
  const place = auditorPlace({ after });

  before(async () => {
    const trust = await testTrust(scope, systemClock);
    auditBus = await startAuditBus(scope, trust, { brokers: ['b1', 'b2'], viewers: ['siem'] });
    broker = await TestBroker.make(trust, 'b1', systemClock);
    auditor = await startAuditorProcess(scope, { bus: auditBus, place });
  });

  const open = (note: string) => {
    const verifier = parseVerifierKey(auditor.verifierKey);
    assert.ok(verifier);
    return openNote(note, verifier) ?? '';
  };

  test('a batch becomes records, a receipt for its broker, proofs for anybody, and a feed for viewers', async () => {
    const link = await auditBus.link(broker.spiffeId);
    const receipts = (await connected(link)).subscribe(bus.receiptSubject('b1'));
    const viewer = await connected(await auditBus.link(stintIds.viewer(testDomain, 'siem')));
    const feed = viewer.subscribe(bus.eventSubjects);
    await viewer.flush();
    const trace = { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' };
    const [epoch, batch] = [broker.startEpoch(), broker.batch([{ trace }, {}])];
    for (const each of [epoch, batch]) await auditBus.publish(link, { broker, batch: each });

    let receipt: ReceiptBody | undefined;
    for await (const message of receipts) {
      receipt = parseReceiptBody(origin, open(codecs.receipt.decode(message.data).note));
      if (receipt?.seq === 3) break;
    }
    assert.equal(receipt?.broker, broker.spiffeId);
    assert.equal(receipt.batchSha256, batchHash(batch.header));
    assert.ok(receipt.treeSize >= 3);

    const seen: string[] = [];
    for await (const message of feed) {
      seen.push(
        `${message.headers?.get('Stint-Index')} ${message.subject} ${message.headers?.get('traceparent')}`,
      );
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, [
      '0 auditlog.epoch.started ',
      `1 auditlog.access.denied 00-${trace.trace_id}-${trace.span_id}-01`,
      '2 auditlog.access.denied ',
    ]);

    const proof = await auditor.channel.call(services.audit.GetInclusionProof, { index: 1, record: 'index' });
    const checkpoint = parseCheckpoint(open(proof.checkpoint));
    assert.ok(checkpoint !== undefined && proof.record !== null);
    assert.deepEqual(proof.record.leaf, batch.events[0]);
    const { size, root } = checkpoint;
    assert.ok(
      verifyInclusion({ index: 1, size, leaf: leafHash(proof.record.leaf), hashes: proof.hashes, root }),
    );

    await auditBus.publish(link, { broker, batch: broker.fill(20) });
    const later = await auditor.channel.call(services.audit.GetInclusionProof, {
      index: 20,
      record: 'index',
      wait: true,
    });
    const grown = parseCheckpoint(open(later.checkpoint));
    assert.ok(grown !== undefined && grown.size > size);
    const consistency = await auditor.channel.call(services.audit.GetConsistencyProof, { oldSize: size });
    const newest = parseCheckpoint(open(consistency.checkpoint));
    assert.ok(newest);
    assert.ok(
      verifyConsistency({
        oldSize: size,
        newSize: newest.size,
        oldRoot: root,
        newRoot: newest.root,
        hashes: consistency.hashes,
      }),
    );
  });

  test('an outside auditor listens with any stock client and its certificate', async () => {
    const { svid, bundlePem } = (await auditBus.trust.source(stintIds.viewer(testDomain, 'siem'))).current();
    const stock = await connect({
      servers: `localhost:${auditBus.nats.current().port}`,
      tls: { cert: svid.certificatesPem, key: svid.privateKeyPem.revealText(), ca: bundlePem },
      inboxPrefix: bus.inboxPrefix('viewer_siem'),
    });
    const feed = stock.subscribe('auditlog.>', { max: 1 });
    await stock.flush();
    await auditBus.publish(await auditBus.link(broker.spiffeId), { broker, batch: broker.fill(1) });
    for await (const message of feed) assert.match(String(message.headers?.get('Stint-Index')), /^\d+$/);
    await stock.close();
  });

  test('a tail gives every record in order, from the past into what is appended while it runs', async () => {
    const link = await auditBus.link(broker.spiffeId);
    const indexes: number[] = [];
    let published = 0;
    for await (const page of auditor.channel.serverStream(services.audit.TailRecords, { fromIndex: 0 })) {
      indexes.push(...page.records.map((record) => record.index));
      if (published++ < 10) await auditBus.publish(link, { broker, batch: broker.fill(7) });
      if (indexes.length >= 90) break;
    }
    assert.deepEqual(
      indexes,
      Array.from(indexes, (_, i) => i),
    );
  });

  test('a list is filtered, paged, newest first when asked, and refuses nonsense with a reason', async () => {
    const list = (request: object) => auditor.channel.call(services.audit.ListRecords, request);
    const newest = await list({ pageSize: 3, newestFirst: true });
    const [a, b, c] = newest.records.map((record) => record.index);
    assert.deepEqual([b, c], [(a ?? 0) - 1, (a ?? 0) - 2]);
    assert.equal(newest.nextIndex, c);
    const epochs = await list({ typePrefix: 'epoch.' });
    assert.deepEqual(
      epochs.records.map((record) => record.index),
      [0],
    );
    const actor = await list({ spiffeId: stintIds.viewer(testDomain, 'somebody'), pageSize: 5 });
    assert.deepEqual(
      actor.records.map((record) => record.index),
      [0, 1, 2, 3, 4],
    );
    for (const bad of [{ pageSize: 1_001 }, { grantId: 'x' }, { spiffeId: 'x' }, { typePrefix: 'X' }]) {
      await assert.rejects(list(bad), { reason: 'INVALID_FIELD' });
    }
    await assert.rejects(
      auditor.channel.call(services.audit.GetInclusionProof, { index: 999_999, record: 'index' }),
      { reason: 'RECORD_NOT_FOUND' },
    );
  });

  test('nobody can do on the bus what is not his', async () => {
    const viewer = await connected(await auditBus.link(stintIds.viewer(testDomain, 'siem')));
    const other = await auditBus.link(stintIds.broker(testDomain, 'b2'));
    const denied = async (attempt: Promise<unknown>) => assert.rejects(attempt, /permissions violation/i);
    await denied(viewer.request('$JS.API.STREAM.PURGE.AUDIT', '', { timeout: 500 }));
    await denied(viewer.request('$JS.API.STREAM.DELETE.AUDIT', '', { timeout: 500 }));
    await denied(viewer.request('auditlog.forged.event', '', { timeout: 500 }));
    await denied(
      jetstreamManager(viewer, { checkAPI: false, timeout: 500 }).then((manager) =>
        manager.streams.info(bus.stream),
      ),
    );
    await denied(auditBus.publish(other, { broker, batch: broker.clone().fill(1) }));
    const asBroker = await connected(other);
    await denied(asBroker.request('$JS.API.STREAM.PURGE.AUDIT', '', { timeout: 500 }));
    const stolen = asBroker.subscribe('receipt.b1');
    await denied(stolen.closed.then((fault) => Promise.reject(fault ?? new Error('closed'))));
    const status = await auditor.channel.call(services.audit.GetStatus, {});
    assert.equal(status.quarantined, 0);
    assert.equal(status.busConnected, true);
  });

  test('somebody else’s message under the same id delays a batch, and its resend arrives', async () => {
    const link = await auditBus.link(broker.spiffeId);
    const genuine = broker.fill(1);
    const id = batchHash(genuine.header);
    const junk = { ...genuine, header: Buffer.from('junk') };
    await auditBus.publish(link, { broker, batch: junk, messageId: id });
    await auditBus.publish(link, { broker, batch: genuine, messageId: id }); // taken for a repetition and dropped
    await auditBus.publish(link, { broker, batch: genuine, messageId: `${id}-2` });
    const [event] = genuine.events;
    const { id: eventId } = JSON.parse(String(event)) as { id: string };
    const proof = await auditor.channel.call(services.audit.GetInclusionProof, {
      eventId,
      record: 'eventId',
      wait: true,
    });
    assert.deepEqual(proof.record?.leaf, event);
  });

  test('who floods the bus in one broker’s name keeps no other broker’s events out of the log', async () => {
    const flooder = await TestBroker.make(auditBus.trust, 'b2', systemClock);
    flooder.startEpoch(); // never sent, so that whatever follows would wait for it
    const from = await connected(await auditBus.link(flooder.spiffeId));
    for (let i = 0; i < unacknowledgedMax + 500; i++)
      from.publish(bus.batchSubject('b2'), batchPayload(flooder.fill(1)));
    await from.flush();
    const genuine = broker.fill(1);
    await auditBus.publish(await auditBus.link(broker.spiffeId), { broker, batch: genuine });
    const { id: eventId } = JSON.parse(String(genuine.events[0])) as { id: string };
    const named = { eventId, record: 'eventId', wait: true } as const;
    const { record } = await auditor.channel.call(services.audit.GetInclusionProof, named, {
      deadlineMs: 20_000,
    });
    assert.deepEqual(record?.leaf, genuine.events[0]);
  });
});

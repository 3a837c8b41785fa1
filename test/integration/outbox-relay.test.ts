import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { AckPolicy, type Consumer, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { batchHash, formatReceiptBody, parseBatchHeader } from '@stint/common/audit-batch.ts';
import { bus } from '@stint/common/bus.ts';
import { codecs } from '@stint/common/proto.ts';
import { formatVerifierKey, signNote } from '@stint/common/signed-note.ts';
import { SqliteDatabase } from '@stint/common/sqlite-dialect.ts';
import { startTelemetry } from '@stint/common/telemetry.ts';
import { OutboxRelay } from '../../services/broker/bus/outbox-relay.ts';
import { windowMin } from '../../services/broker/bus/sent-window.ts';
import { openSqliteStore, type Store } from '../../services/broker/store/open-store.ts';
import { storeOptions } from '../contract/store-suite.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { eventOf, issueEntry } from '../harness/ledger-entries.ts';
import { otlpCollector, otlpEnvironment } from '../harness/otlp-collector.ts';
import { scratchNats, skipWithoutNats } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const logName = 'log.stint.local';
const deadlineMs = 20_000;

/** A connection that lives through restarts of the server, in the shape of the bus link. */
class PlainLink {
  readonly connection: NatsConnection;
  isConnected = true;
  readonly #listeners: ((connection: NatsConnection) => void)[] = [];

  private constructor(connection: NatsConnection) {
    this.connection = connection;
    void this.#follow();
  }

  static async open(t: TestContext, port: number): Promise<PlainLink> {
    const connection = await connect({
      servers: `127.0.0.1:${port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      reconnectJitter: 10,
    });
    t.after(() => connection.close());
    return new PlainLink(connection);
  }

  onConnected(listener: (connection: NatsConnection) => void): void {
    this.#listeners.push(listener);
    listener(this.connection);
  }

  async #follow(): Promise<void> {
    for await (const change of this.connection.status()) {
      if (change.type === 'disconnect') this.isConnected = false;
      if (change.type !== 'reconnect') continue;
      this.isConnected = true;
      for (const listener of this.#listeners) listener(this.connection);
    }
  }
}

/** The auditor's end in small: takes batches in order, each once, remembers what came twice, and signs receipts. */
class Reader {
  readonly keys = generateKeyPairSync('ed25519');
  readonly connection: NatsConnection;
  seq = 0;
  lastHash = '';
  messages = 0;
  repeated = 0;
  isReceipting = true;
  #isStopped = false;
  #consumer: Consumer | undefined;

  constructor(connection: NatsConnection) {
    this.connection = connection;
  }

  async makeStream(settings: object = {}): Promise<void> {
    const manager = await jetstreamManager(this.connection);
    await manager.streams.add({
      name: bus.stream,
      subjects: [bus.batchSubjects],
      storage: 'file',
      ...settings,
    });
    await manager.consumers.add(bus.stream, { durable_name: bus.consumer, ack_policy: AckPolicy.Explicit });
  }

  /** Reads for ever, through every loss of the server. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const message = await this.#next();
      if (message === null) continue;
      this.#take(message.data);
      message.ack();
    }
  }

  async #next(): Promise<JsMsg | null> {
    try {
      this.#consumer ??= await jetstream(this.connection).consumers.get(bus.stream, bus.consumer);
      return await this.#consumer.next({ expires: 1_000 });
    } catch {
      await wait(20); // the server is away
      return null;
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  sendReceipt(seq: number, batchSha256: string, broker = storeOptions().spiffeId): void {
    const body = formatReceiptBody(logName, {
      broker,
      seq,
      batchSha256,
      treeSize: seq,
      treeRoot: Buffer.alloc(32),
    });
    const note = signNote(body, { name: logName, ...this.keys });
    this.connection.publish(bus.receiptSubject('b1'), codecs.receipt.encode({ note }));
  }

  #take(payload: Uint8Array): void {
    this.messages++;
    const batch = codecs.signedBatch.decode(payload);
    const header = parseBatchHeader(batch.header);
    if (header.first_seq <= this.seq) {
      this.repeated++;
    } else {
      assert.equal(header.first_seq, this.seq + 1, 'a batch came before the one that precedes it');
      assert.equal(header.prev_batch_sha256, this.lastHash);
      this.seq += header.count;
      this.lastHash = batchHash(batch.header);
    }
    if (this.isReceipting) this.sendReceipt(this.seq, this.lastHash);
  }
}

async function mesh(t: TestContext, receiptMs = { first: 150, max: 600 }) {
  const nats = await scratchNats(t);
  const directory = tempDir(t);
  const { port } = nats.current();
  const reader = new Reader((await PlainLink.open(t, port)).connection);
  const verifierKeyFile = path.join(directory, 'log.vkey');
  writeFileSync(verifierKeyFile, formatVerifierKey(logName, reader.keys.publicKey));
  const { log, lines } = capturedLog({ level: 'warn' });
  const open = async (): Promise<Store> => {
    const file = path.join(directory, 'broker.db');
    return await openSqliteStore(new SqliteDatabase({ file, exclusive: true }), storeOptions({ log }));
  };
  const links: PlainLink[] = [];
  const relayFor = async (store: Store): Promise<OutboxRelay> => {
    const { spiffeId, name: brokerName } = storeOptions();
    const link = await PlainLink.open(t, port);
    links.push(link);
    return new OutboxRelay({
      link,
      outbox: store.outbox,
      brokerName,
      spiffeId,
      verifierKeyFile,
      log,
      receiptMs,
    });
  };
  /** Resolves when the server knows what every started relay listens to. */
  const listening = () => Promise.all(links.map(({ connection }) => connection.flush()));
  return { nats, reader, lines, open, relayFor, listening };
}

const drained = (store: Store) =>
  until('an empty outbox', deadlineMs, () => store.ledger.backlog().events === 0);

describe('the outbox relay with a real nats-server', { skip: skipWithoutNats }, () => {
  test('everything committed arrives in order, and receipts empty the outbox', async (t) => {
    const { reader, open, relayFor } = await mesh(t);
    await reader.makeStream();
    const store = await open();
    // Committed before the relay is there: read back from the store.
    for (let i = 0; i < 40; i++) await store.ledger.commit(issueEntry(0));
    const relay = await relayFor(store);
    relay.start();
    const reading = reader.run();
    for (let i = 0; i < 200; i++)
      await Promise.all([store.ledger.commit(issueEntry(0)), store.ledger.commit(issueEntry(0))]);
    await drained(store);
    assert.equal(reader.seq, 441);
    assert.equal(reader.seq, store.ledger.sequence());
    assert.deepEqual(store.ledger.backlog(), { events: 0, bytes: 0, oldestAt: undefined });
    await relay.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('what was committed before a stop has its receipt when the stop has ended; without a reader it ends all the same', async (t) => {
    const { reader, open, relayFor } = await mesh(t);
    await reader.makeStream();
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    const reading = reader.run();
    for (let i = 0; i < 5; i++) await store.ledger.commit(issueEntry(0));
    await relay.stop();
    assert.equal(reader.seq, store.ledger.sequence());
    await drained(store);
    reader.stop();
    await reading;
    const next = await relayFor(store);
    next.start();
    await store.ledger.commit(issueEntry(0));
    await next.stop();
    assert.equal(store.ledger.backlog().events, 1);
    await store.close();
  });

  test('a broker that comes back goes on behind what the log has, however many batches never got their receipts', async (t) => {
    const { reader, lines, open, relayFor, listening } = await mesh(t, { first: 10_000, max: 10_000 });
    await reader.makeStream();
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    const reading = reader.run();
    // Each receipt opens the window; then they are lost, and the log is more than the first window ahead of the outbox.
    for (let i = 0; i < 20; i++) {
      await store.ledger.commit(issueEntry(0));
      await drained(store);
    }
    reader.isReceipting = false;
    for (let i = 0; i < 3 * windowMin; i++) await store.ledger.commit(issueEntry(0));
    await until('all of it in the log', deadlineMs, () => reader.seq === store.ledger.sequence());
    await relay.stop();
    assert.equal(store.ledger.backlog().events, 3 * windowMin);
    for (let i = 0; i < 2 * windowMin; i++) await store.ledger.commit(issueEntry(0));
    const next = await relayFor(store);
    next.start();
    await listening();
    // The auditor answers what it has already with the place of its log.
    reader.isReceipting = true;
    reader.sendReceipt(reader.seq, 'f'.repeat(64));
    reader.sendReceipt(reader.seq, reader.lastHash);
    await drained(store);
    assert.equal(reader.seq, store.ledger.sequence());
    assert.deepEqual(
      lines.flatMap(({ alarm }) => alarm ?? []),
      ['false_receipt'],
    );
    await next.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('a nats-server killed again and again under load loses nothing and nothing comes out of order', async (t) => {
    const { nats, reader, open, relayFor } = await mesh(t);
    await reader.makeStream();
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    const reading = reader.run();
    let isLoading = true;
    const load = (async () => {
      while (isLoading) await store.ledger.commit(issueEntry(0));
    })();
    for (let round = 0; round < 3; round++) {
      const before = reader.seq;
      await until('progress', deadlineMs, () => reader.seq > before + 100);
      await nats.crash();
      await nats.restart();
    }
    isLoading = false;
    await load;
    await drained(store);
    assert.equal(reader.seq, store.ledger.sequence());
    await relay.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('what the server took and lost is sent again, because only a receipt frees it', async (t) => {
    const { reader, open, relayFor } = await mesh(t);
    await reader.makeStream();
    reader.isReceipting = false;
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    for (let i = 0; i < 300; i++) await store.ledger.commit(issueEntry(0));
    const manager = await jetstreamManager(reader.connection);
    const stored = async () => (await manager.streams.info(bus.stream)).state.messages;
    await until('the window to be taken', deadlineMs, async () => (await stored()) >= 64);
    assert.equal(store.ledger.backlog().events, 301);
    // As after a loss of power: the stream, and its memory of message ids, are gone.
    await manager.streams.delete(bus.stream);
    await reader.makeStream();
    reader.isReceipting = true;
    const reading = reader.run();
    await drained(store);
    assert.equal(reader.seq, 301);
    await relay.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('without receipts only a window is sent, and repetitions do not fill the stream', async (t) => {
    const { reader, open, relayFor } = await mesh(t, { first: 20, max: 40 });
    await reader.makeStream();
    reader.isReceipting = false;
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    for (let i = 0; i < 100; i++) await store.ledger.commit(issueEntry(0));
    const reading = reader.run();
    await until('a window of batches', deadlineMs, () => reader.messages >= 64);
    const again = await store.outbox.read(1, 1);
    assert.equal(again[0]?.firstSeq, 1);
    for (let i = 0; i < 5; i++) await store.ledger.commit(issueEntry(0));
    const manager = await jetstreamManager(reader.connection);
    assert.ok((await manager.streams.info(bus.stream)).state.messages <= 64 + 1);
    assert.equal(store.ledger.backlog().events, 106);
    reader.isReceipting = true;
    // The auditor is back: it answers the next message it has seen already, and everything flows.
    await manager.streams.purge(bus.stream);
    await manager.streams.update(bus.stream, { duplicate_window: 100_000_000 });
    await drained(store);
    assert.equal(reader.seq, 106);
    await relay.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('a false receipt raises an alarm and frees nothing; one by another key or for another broker is not heard', async (t) => {
    const { endpoint, received } = await otlpCollector(t);
    // The SDK reads the process's own environment; only this test starts it.
    Object.assign(process.env, otlpEnvironment(endpoint));
    const telemetry = await startTelemetry('broker', process.env);
    t.after(() => telemetry.stop());
    const { reader, lines, open, relayFor } = await mesh(t, { first: 60_000, max: 60_000 });
    await reader.makeStream();
    reader.isReceipting = false;
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    await store.ledger.commit({ events: [eventOf({}), eventOf({})] });
    const reading = reader.run();
    await until('two batches', deadlineMs, () => reader.seq === 3);
    const [, second] = await store.outbox.read(1, 2);
    const hash = batchHash(second?.header ?? Buffer.alloc(0));
    reader.sendReceipt(3, 'f'.repeat(64));
    reader.sendReceipt(2, hash);
    reader.sendReceipt(4, hash);
    reader.sendReceipt(3, hash, 'spiffe://stint.local/stint/broker/b2' as never);
    const stranger = new Reader(reader.connection);
    stranger.sendReceipt(3, hash);
    reader.connection.publish(bus.receiptSubject('b1'), new Uint8Array([255, 1, 2]));
    await until('six lines', deadlineMs, () => lines.length === 6);
    assert.equal(lines.filter((line) => line['alarm'] === 'false_receipt').length, 3);
    await until(
      'they are counted',
      deadlineMs,
      () => received.metrics.get('stint.audit.false_receipts')?.points[0]?.value === 3,
    );
    assert.equal(store.ledger.backlog().events, 3);
    reader.sendReceipt(3, hash);
    await drained(store);
    await relay.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('a full stream holds everything back, and it all arrives when there is room', async (t) => {
    const { reader, lines, open, relayFor } = await mesh(t);
    await reader.makeStream({ max_msgs: 5, discard: 'new' });
    const store = await open();
    const relay = await relayFor(store);
    relay.start();
    for (let i = 0; i < 30; i++) await store.ledger.commit(issueEntry(0));
    await until('a refusal', deadlineMs, () =>
      lines.some((line) => String(line['message']).startsWith('the bus did not take')),
    );
    assert.equal(store.ledger.backlog().events, 31);
    const manager = await jetstreamManager(reader.connection);
    await manager.streams.update(bus.stream, { max_msgs: -1 });
    const reading = reader.run();
    await drained(store);
    assert.equal(reader.seq, 31);
    await relay.stop();
    reader.stop();
    await reading;
    await store.close();
  });

  test('a broker that starts again sends what its predecessor left, and counts it in the backlog at once', async (t) => {
    const { nats, reader, open, relayFor } = await mesh(t);
    await reader.makeStream();
    const first = await open();
    const relay = await relayFor(first);
    await nats.crash();
    relay.start();
    for (let i = 0; i < 20; i++) await first.ledger.commit(issueEntry(0));
    await relay.stop();
    await first.close();
    await nats.restart();
    const second = await open();
    assert.equal(second.ledger.backlog().events, 22);
    const next = await relayFor(second);
    next.start();
    const reading = reader.run();
    await drained(second);
    assert.equal(reader.seq, 22);
    await next.stop();
    reader.stop();
    await reading;
    await second.close();
  });
});

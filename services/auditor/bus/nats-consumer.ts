import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConsumerMessages,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { bus } from '@stint/common/bus.ts';
import type { Log } from '@stint/common/log.ts';
import type { BusLink } from '@stint/common/nats.ts';
import { auditConsumerConfig, unacknowledgedMax } from '@stint/common/nats-streams.ts';
import type { Delivery } from '../app/ports.ts';

/**
 * Messages asked of the bus ahead of what was taken in: with their largest size, a bound on memory. It is not a bound in
 * bytes, because server and client count those differently: the server's run out first, and then, until the consumer
 * is looked at, nothing is delivered.
 */
const pullMessagesMax = 64;
/** Between two looks at the consumer's health. */
const checkIntervalMs = 5_000;
/** After a fault of the store or the bus. */
const retryMs = 1_000;
/**
 * How long a turn waits for further messages after its first, in milliseconds. Nobody waits for the log that long, and a
 * broker that commits a thousand times a second costs a hundred flushes of the disk here, which it shares.
 */
const gatherMs = 10;
/** Messages of one turn. Larger turns share a commit among more, smaller ones answer sooner. */
const turnMessagesMax = 128;

export type NatsConsumerOptions = {
  readonly link: BusLink;
  /** Takes a turn's deliveries in; throws when the store does. */
  readonly accept: (deliveries: readonly Delivery[]) => void;
  readonly log: Log;
};

/**
 * Pulls batches from the durable consumer and hands them over in turns: whatever came within {@link gatherMs} or while the
 * turn before was committed goes into one, so that it shares one flush of the disk.
 *
 * What the bus forgets is not trusted to be noticed by the bus. After losing its tail (power loss) a stream can stand
 * behind its own consumer, which then passes over new messages without a word; this looks for it after each connect and
 * every five seconds, and makes the consumer anew, from the stream's beginning: what the log has already is recognised.
 * Source: nats-server issues 5412, 4566, 3996.
 */
export class NatsConsumer {
  readonly #options: NatsConsumerOptions;
  readonly #closing = new AbortController();
  #messages: ConsumerMessages | undefined;
  #arrived: JsMsg[] = [];
  #isTurnDue = false;
  #deliveredSeq = 0;
  #isServed = true;
  #wake = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  constructor(options: NatsConsumerOptions) {
    this.#options = options;
  }

  /** Whether the bus gave what was asked of it when it was last asked: one that is connected may have its JetStream off. */
  get isServed(): boolean {
    return this.#isServed;
  }

  /** Begins to consume whenever the link is connected. */
  start(): void {
    this.#options.link.onConnected(() => this.#wake.resolve());
    this.#running ??= this.#run();
  }

  /** Stops pulling; what was delivered and not yet taken in is delivered again after the restart. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.resolve();
    await this.#stopMessages();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const connection = this.#options.link.connection;
      if (connection !== undefined && this.#options.link.isConnected) {
        try {
          await this.#check(connection);
          this.#isServed = true;
        } catch (thrown) {
          this.#isServed = false;
          const facts = { error: thrown, fix: fixOf(thrown) };
          this.#options.log.warn(facts, 'the bus is there and does not serve the log; trying again');
        }
      }
      await this.#pause(this.#messages === undefined ? retryMs : checkIntervalMs);
    }
  }

  /** Looks whether the consumer is there, sane and moving, and mends it. */
  async #check(connection: NatsConnection): Promise<void> {
    const manager = await jetstreamManager(connection, { checkAPI: false });
    const consumer = await manager.consumers.info(bus.stream, bus.consumer).catch(undefinedIfMissing);
    const stream = await manager.streams.info(bus.stream);
    if (consumer === undefined || consumer.delivered.stream_seq > stream.state.last_seq) {
      const facts = { delivered: consumer?.delivered.stream_seq, last: stream.state.last_seq };
      this.#options.log.error(
        facts,
        'the bus has lost messages that it had acknowledged: making the consumer anew',
      );
      await this.#stopMessages();
      await recreateConsumer(manager);
    } else if (
      this.#messages !== undefined &&
      consumer.num_pending > 0 &&
      consumer.num_ack_pending < unacknowledgedMax &&
      consumer.delivered.stream_seq === this.#deliveredSeq
    ) {
      // Messages stand ready, and none has come since the last look: the pull was lost with a server.
      this.#options.log.warn({ pending: consumer.num_pending }, 'the bus does not deliver: pulling anew');
      await this.#stopMessages();
    }
    this.#deliveredSeq = consumer?.delivered.stream_seq ?? 0;
    if (this.#messages === undefined && !this.#closing.signal.aborted) await this.#pull(connection);
  }

  async #pull(connection: NatsConnection): Promise<void> {
    const consumer = await jetstream(connection, { checkAPI: false }).consumers.get(bus.stream, bus.consumer);
    const messages = await consumer.consume({
      max_messages: pullMessagesMax,
      callback: (message) => this.#take(message),
    });
    this.#messages = messages;
    void messages.closed().then(() => {
      if (this.#messages === messages) this.#messages = undefined;
    });
  }

  async #stopMessages(): Promise<void> {
    const messages = this.#messages;
    this.#messages = undefined;
    await messages?.close();
  }

  #take(message: JsMsg): void {
    this.#arrived.push(message);
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    setTimeout(() => this.#turn(), gatherMs);
  }

  #turn(): void {
    const messages = this.#arrived.splice(0, turnMessagesMax);
    this.#isTurnDue = this.#arrived.length > 0;
    if (this.#isTurnDue) setImmediate(() => this.#turn());
    if (this.#closing.signal.aborted || messages.length === 0) return;
    try {
      this.#options.accept(messages.map(asDelivery));
    } catch (thrown) {
      // Nothing was appended; what was not told to come later comes again when its time to answer is over.
      this.#options.log.error(
        { error: thrown },
        'a turn could not be stored; its batches will be delivered again',
      );
    }
  }

  async #pause(ms: number): Promise<void> {
    const waiting = new AbortController();
    await Promise.race([
      this.#wake.promise,
      delay(ms, undefined, { ref: false, signal: waiting.signal }).catch(() => undefined),
    ]);
    waiting.abort();
    this.#wake = Promise.withResolvers<void>();
  }
}

async function recreateConsumer(manager: JetStreamManager): Promise<void> {
  await manager.consumers.delete(bus.stream, bus.consumer).catch(undefinedIfMissing);
  await manager.consumers.add(bus.stream, auditConsumerConfig);
}

/** What to do about a bus that is there and does not serve. It serves as soon as it can, but for what only a human mends. */
function fixOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof JetStreamApiError))
    return 'if it stays, see that the disk of nats-server has room, and restart it: once full, its JetStream stays off until then';
  return thrown.code === JetStreamApiCodes.StreamNotFound
    ? 'make the stream: stint bus create --server HOST:PORT'
    : undefined;
}

// Only the server's word that there is none may lead to a new one; a timeout says nothing.
function undefinedIfMissing(thrown: unknown): undefined {
  if (thrown instanceof JetStreamApiError && thrown.code === JetStreamApiCodes.ConsumerNotFound)
    return undefined;
  throw thrown;
}

function asDelivery(message: JsMsg): Delivery {
  return {
    place: message.seq,
    subject: message.subject,
    payload: message.data,
    ack: () => answer(() => message.ack()),
    retryAfter: (ms) => answer(() => message.nak(ms)),
  };
}

function answer(send: () => void): void {
  try {
    send();
  } catch {
    // The connection is closed: the message is delivered again, and what is in the log already is recognised.
  }
}

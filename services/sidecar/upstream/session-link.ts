import { setImmediate as nextTurn } from 'node:timers/promises';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { ClientMessage } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { SessionRequest } from '@stint/common/gen/stint/broker/v1/SessionRequest.ts';
import type { MessageView__Output } from '@stint/common/gen/stint/sidecar/v1/MessageView.ts';
import type { SessionView__Output } from '@stint/common/gen/stint/sidecar/v1/SessionView.ts';
import type { ClientStream } from '@stint/common/grpc-client.ts';
import { frameBytesMax, frameMessagesMax } from '@stint/common/session-limits.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';

/** Messages passed on in one turn of the event loop. */
const passedMax = 32;

/** How long things may take on a link, in milliseconds. Tests use shorter times. */
export type LinkTimes = {
  /** A sign of life is sent after this long without another message, either way. */
  readonly aliveMs: number;
  /** After this long without a word from the broker the link is dead. Also bounds connecting. */
  readonly deadMs: number;
};

export const linkTimes: LinkTimes = { aliveMs: 5_000, deadMs: 15_000 };

/** A message to send, with its size as {@link SessionLink} counts it. */
export type Outgoing = { readonly message: ClientMessage; readonly bytes: number };

/** A stream to a broker and the connection under it. */
export type SessionStream = {
  readonly stream: ClientStream<SessionRequest, SessionView__Output>;
  /** Closes the connection. */
  close(): void;
};

/** Who hears what happens on a link. */
export type LinkEvents = {
  /** The broker has spoken for the first time: questions may be sent. */
  ready(link: SessionLink): void;
  /** Must not throw: a link on which it did is over when the rest of its frame was passed on. */
  message(link: SessionLink, message: MessageView__Output): void;
  /** The link is over, exactly once, after everything it received was passed on, whatever became of that. */
  closed(link: SessionLink, cause: ServiceError): void;
};

export type SessionLinkOptions = {
  readonly open: SessionStream;
  /** SHA-256 of the SVID that the connection was made with. */
  readonly svidSha256: string;
  readonly events: LinkEvents;
  readonly times: LinkTimes;
  readonly clock: Clock;
  /** A fresh id for a sign of life; its answer comes back through `message`. */
  readonly nextId: () => number;
};

/**
 * One Session stream on a connection of its own: sends all messages of one turn of the event loop in one frame, waits
 * when the peer reads too slowly, shows signs of life, and notices a peer that shows none.
 *
 * States: opening → ready → (draining) → closed. It knows nothing of questions and answers; {@link BrokerSession} does.
 */
export class SessionLink {
  readonly svidSha256: string;
  readonly #options: SessionLinkOptions;
  readonly #heartbeat: NodeJS.Timeout;
  #outbox: Outgoing[] = [];
  /** What is left of the frame being passed on. */
  #received: Iterable<MessageView__Output> = [];
  /** The first fault of who hears the messages. */
  #fault: ServiceError | undefined;
  #isReady = false;
  #isFlushing = false;
  #isClosed = false;
  #sentAt: UnixMs;
  #heardAt: UnixMs;

  constructor(options: SessionLinkOptions) {
    this.#options = options;
    this.svidSha256 = options.svidSha256;
    this.#sentAt = options.clock.now();
    this.#heardAt = this.#sentAt;
    this.#heartbeat = setInterval(() => this.#beat(), options.times.aliveMs / 5);
    this.#heartbeat.unref();
    void this.#read();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Queues a message for this turn's frame. On a closed link it is dropped: the owner moves its questions anyway. */
  send(outgoing: Outgoing): void {
    if (this.#isClosed) return;
    this.#outbox.push(outgoing);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Ends the link in good order; what the broker still sends is read. */
  end(): void {
    this.#options.open.stream.end();
  }

  /** Ends the link now. */
  cancel(cause: ServiceError): void {
    this.#options.open.stream.cancel();
    this.#close(cause);
  }

  async #flush(): Promise<void> {
    const { stream } = this.#options.open;
    try {
      while (this.#outbox.length > 0 && !this.#isClosed) {
        const hasRoom = stream.write({ messages: this.#takeFrame() });
        this.#sentAt = this.#options.clock.now();
        if (!hasRoom) await stream.drained();
      }
    } catch (error) {
      this.#close(closingCause(error));
    } finally {
      this.#isFlushing = false;
    }
  }

  #takeFrame(): ClientMessage[] {
    let bytes = 0;
    let count = 0;
    for (const outgoing of this.#outbox) {
      bytes += outgoing.bytes;
      if (count > 0 && (count >= frameMessagesMax || bytes > frameBytesMax)) break;
      count += 1;
    }
    return this.#outbox.splice(0, count).map((outgoing) => outgoing.message);
  }

  /** What one turn has answered leaves for the workloads at its end: they do not wait for the rest of the frame. */
  async #pass(messages: readonly MessageView__Output[]): Promise<void> {
    this.#received = messages.values();
    let passed = 0;
    for (const message of this.#received) {
      this.#hand(message);
      passed += 1;
      if (passed % passedMax === 0 && passed < messages.length) {
        await nextTurn();
        // Closed meanwhile: the rest was passed on then.
        if (this.#isClosed) return;
      }
    }
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** A message that cannot be taken keeps neither another message nor the end of the link from being told. */
  #hand(message: MessageView__Output): void {
    try {
      this.#options.events.message(this, message);
    } catch (cause) {
      this.#fault ??= new ServiceError('INTERNAL', 'a message of the broker could not be taken', { cause });
    }
  }

  async #read(): Promise<void> {
    const { open, events, clock } = this.#options;
    try {
      for await (const frame of open.stream) {
        this.#heardAt = clock.now();
        await this.#pass(frame.messages);
        if (this.#isReady || this.#isClosed) continue;
        this.#isReady = true;
        events.ready(this);
      }
      this.#close(new ServiceError('BROKER_UNAVAILABLE', 'the broker ended the session'));
    } catch (error) {
      this.#close(closingCause(error));
    }
  }

  #beat(): void {
    const { clock, times, nextId } = this.#options;
    const now = clock.now();
    // A clock that was set back says nothing of how long it is since: the broker is asked for a word at once.
    if (now < this.#heardAt) this.#heardAt = now - times.aliveMs;
    if (now - this.#heardAt >= times.deadMs) {
      const state = this.#isReady ? 'the broker is silent' : 'the broker cannot be reached';
      this.cancel(new ServiceError('BROKER_UNAVAILABLE', `${state}: no word in ${times.deadMs} ms`));
    } else if (this.#isReady && now - Math.min(this.#sentAt, this.#heardAt) >= times.aliveMs) {
      this.send({ message: { id: nextId(), alive: {} }, bytes: 16 });
    }
  }

  #close(cause: ServiceError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#heartbeat);
    this.#outbox = [];
    this.#options.open.close();
    for (const message of this.#received) this.#hand(message);
    this.#options.events.closed(this, cause);
  }
}

function closingCause(error: unknown): ServiceError {
  return isServiceError(error)
    ? error
    : new ServiceError('BROKER_UNAVAILABLE', 'the session broke', { cause: error });
}

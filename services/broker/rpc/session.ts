import { randomUUID } from 'node:crypto';
import { nextTick } from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { ClientMessage__Output } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { EndedLease as EndedLeaseMessage } from '@stint/common/gen/stint/broker/v1/EndedLease.ts';
import type { ServerMessage } from '@stint/common/gen/stint/broker/v1/ServerMessage.ts';
import type { SessionRequest__Output } from '@stint/common/gen/stint/broker/v1/SessionRequest.ts';
import type { SessionResponse } from '@stint/common/gen/stint/broker/v1/SessionResponse.ts';
import { svidEnded } from '@stint/common/grpc/server-call.ts';
import type { MessageStream } from '@stint/common/grpc-method.ts';
import { toRpcStatus } from '@stint/common/grpc-status.ts';
import { parseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { toTimestamp } from '@stint/common/proto-time.ts';
import { frameMessagesMax, sessionQuestionsMax } from '@stint/common/session-limits.ts';
import { telemetryIsOn, withSpan } from '@stint/common/telemetry.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Asker } from '../app/access/access-question.ts';
import type { AcknowledgeDelivery } from '../app/access/acknowledge-delivery.ts';
import type { EndedLease, EndedLeaseFeed } from '../app/ending/ended-lease-feed.ts';
import type { AccessCalls } from './access-calls.ts';
import type { TrustFeed } from './trust-feed.ts';

/**
 * Questions taken at once. Their answers leave before more are taken, so that a large frame holds up neither the other
 * sessions nor its own first answers. Smaller, and each commit's own cost weighs more than that gains.
 */
export const takenMax = 32;

/**
 * Frames that wait for a peer that reads too slowly. Answers are fewer, because it is not read either; so many are pushes,
 * and its session ends: the next one begins with what it missed.
 */
export const slowFramesMax = 2 * sessionQuestionsMax;

/** The questions that get a span each, as the server gives one to each call, and what it is called. */
const spanNames: Partial<Record<string, string>> = {
  requestAccess: 'stint.request_access',
  completeGrant: 'stint.complete_grant',
  renewLease: 'stint.renew_lease',
};

/** What a session needs of the rest of the broker. */
export type SessionParts = {
  readonly calls: AccessCalls;
  readonly acknowledge: AcknowledgeDelivery;
  readonly feed: EndedLeaseFeed;
  /** What ended early before now, page by page. */
  readonly endedEarly: () => AsyncIterable<readonly EndedLease[]>;
  readonly trust: TrustFeed;
  readonly clock: Clock;
  readonly log: Log;
};

/** The stream between one sidecar and this broker. */
export type SessionStream = MessageStream<SessionRequest__Output, SessionResponse>;

/** One answer to one question, without its id. */
type Answer = Omit<ServerMessage, 'id'>;

/**
 * One sidecar's session: takes questions from frames, answers each in any order, and sends all answers of one turn of the
 * event loop in one frame. When the peer reads too slowly, no more questions are read until it has caught up: memory is
 * bounded by the questions under way. A session holds nothing that its loss would lose.
 */
export class Session {
  readonly #parts: SessionParts;
  readonly #asker: Asker;
  readonly #stream: SessionStream;
  #outbox: ServerMessage[] = [];
  #flushing = false;
  #inFlight = 0;
  #open = true;
  #isPeerSlow = false;
  #slowFrames = 0;
  /** Rejects when the peer has left too much unread. */
  readonly #overrun = Promise.withResolvers<never>();

  constructor(parts: SessionParts, asker: Asker, stream: SessionStream) {
    this.#parts = parts;
    this.#asker = asker;
    this.#stream = stream;
  }

  /**
   * Serves until the peer ends the stream. Throws what ends it otherwise: the peer is gone, its SVID has ended, a frame of
   * it is too large, shutdown.
   */
  async run(): Promise<void> {
    const stopListening = [
      this.#parts.feed.subscribe((leases) => this.#pushEnded(leases)),
      this.#parts.trust.onChange(() => this.#pushTrust()),
    ];
    try {
      await Promise.race([this.#serve(), this.#overrun.promise]);
    } finally {
      this.#flush();
      this.#open = false;
      for (const stop of stopListening) stop();
    }
  }

  async #serve(): Promise<void> {
    this.#pushTrust();
    await this.#pushEndedEarly();
    for await (const frame of this.#stream) {
      await this.#read(frame);
      // A peer that reads slowly is not read either: what is under way is all that waits for it.
      if (this.#isPeerSlow) await this.#awaitPeer();
    }
  }

  async #awaitPeer(): Promise<void> {
    await this.#stream.drained();
    this.#isPeerSlow = false;
  }

  async #read(frame: SessionRequest__Output): Promise<void> {
    const { messages } = frame;
    // The listener's timer ends a session with its SVID; a clock that was set forward, the timer knows nothing of.
    if (this.#parts.clock.now() >= this.#asker.svidExpiresAt) throw svidEnded();
    // Not answered one by one: two bytes are a message, and a frame may have half a million of them.
    if (messages.length > frameMessagesMax)
      throw new ServiceError(
        'MESSAGE_TOO_LARGE',
        `frame: ${messages.length} messages, at most ${frameMessagesMax}`,
      );
    // Its answer would look like a push.
    if (messages.some(({ id }) => id === 0))
      throw new ServiceError('INVALID_FIELD', 'frame: a message has the id 0', { metadata: { field: 'id' } });
    for (let start = 0; start < messages.length; start += takenMax) {
      if (start > 0) await this.#answersToLeave();
      for (const message of messages.slice(start, start + takenMax)) this.#take(message);
    }
  }

  /**
   * The first turn commits what was taken, the second sends what it answered. Nobody waits for what takes longer, only for
   * a peer that reads too slowly. Throws when the peer has gone: what it asked besides is not taken.
   */
  async #answersToLeave(): Promise<void> {
    await nextTurn();
    await nextTurn();
    await this.#awaitPeer();
  }

  #take(message: ClientMessage__Output): void {
    if (this.#inFlight >= sessionQuestionsMax) {
      const error = new ServiceError(
        'RATE_LIMITED',
        `session: ${sessionQuestionsMax} questions are under way`,
        { retryAfterMs: 100 },
      );
      this.#send(message.id, failure(error));
      return;
    }
    this.#inFlight++;
    this.#answer(message)
      .then(
        (answer) => this.#settle(message.id, answer),
        (thrown: unknown) => this.#settle(message.id, this.#fail(thrown)),
      )
      .catch((thrown: unknown) => this.#parts.log.error({ error: thrown }, 'an answer could not be sent'));
  }

  #settle(id: number, answer: Answer): void {
    this.#inFlight--;
    this.#send(id, answer);
  }

  #answer(message: ClientMessage__Output): Promise<Answer> {
    const span = spanNames[message.body ?? ''];
    // Nothing is made for a span that nobody collects.
    if (span === undefined || !telemetryIsOn()) return this.#call(message);
    return withSpan(span, { kind: 'server', parent: message.traceparent }, () => this.#call(message));
  }

  async #call(message: ClientMessage__Output): Promise<Answer> {
    const { calls, acknowledge } = this.#parts;
    switch (message.body) {
      case 'requestAccess': {
        const question = message.requestAccess ?? missing('request_access');
        return { access: await calls.requestAccess(this.#asker, question, message.traceparent) };
      }
      case 'completeGrant': {
        const order = message.completeGrant ?? missing('complete_grant');
        return { completed: await calls.completeGrant(this.#asker, order) };
      }
      case 'renewLease': {
        const order = message.renewLease ?? missing('renew_lease');
        return { renewed: await calls.renewLease(this.#asker, order) };
      }
      case 'acknowledgeDelivery': {
        const { leaseId } = message.acknowledgeDelivery ?? missing('acknowledge_delivery');
        await acknowledge.execute(this.#asker.spiffeId, parseId('lease', leaseId, 'lease_id'));
        return { alive: {} };
      }
      case 'alive':
        return { alive: {} };
      default:
        throw new ServiceError('INVALID_FIELD', 'message: it asks nothing that this broker knows', {
          metadata: { field: 'body' },
        });
    }
  }

  #fail(thrown: unknown): Answer {
    const requestId = randomUUID();
    if (!isServiceError(thrown) || thrown.reason === 'INTERNAL')
      this.#parts.log.error({ error: thrown, request_id: requestId }, 'a question on a session failed');
    return failure(thrown, requestId);
  }

  #pushTrust(): void {
    this.#push({ trustBundle: this.#parts.trust.current() });
  }

  /** Anti-entropy: what ended early while this sidecar was not listening. There may be very much of it: a page, a frame. */
  async #pushEndedEarly(): Promise<void> {
    for await (const leases of this.#parts.endedEarly()) {
      this.#pushEnded(leases);
      this.#flush();
      if (this.#isPeerSlow) await this.#awaitPeer();
    }
  }

  #pushEnded(leases: readonly EndedLease[]): void {
    this.#push({ leasesEnded: { leases: leases.map(toEndedLeaseMessage) } });
  }

  #push(message: Answer): void {
    this.#send(0, message);
  }

  /** Queues a message for this turn's frame. */
  #send(id: number, answer: Answer): void {
    if (!this.#open) return;
    this.#outbox.push({ ...answer, id });
    if (this.#outbox.length >= frameMessagesMax) this.#flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      // After the promises that a commit settled, and before the next commit holds up this thread.
      nextTick(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#outbox.length === 0 || !this.#open) return;
    const messages = this.#outbox;
    this.#outbox = [];
    const isTaken = this.#stream.write({ messages });
    this.#isPeerSlow ||= !isTaken;
    this.#slowFrames = isTaken ? 0 : this.#slowFrames + 1;
    if (this.#slowFrames > slowFramesMax)
      this.#overrun.reject(
        new ServiceError('RATE_LIMITED', 'session: its peer does not read what it is sent'),
      );
  }
}

function toEndedLeaseMessage(lease: EndedLease): EndedLeaseMessage {
  return {
    leaseId: lease.id,
    grantId: lease.grantId,
    expiresAt: toTimestamp(lease.expiresAt),
    reason: lease.reason,
  };
}

function failure(thrown: unknown, requestId = ''): Answer {
  return { failure: toRpcStatus(thrown, { service: 'broker', requestId }) };
}

function missing(field: string): never {
  throw new ServiceError('INVALID_FIELD', `${field}: missing`, { metadata: { field } });
}

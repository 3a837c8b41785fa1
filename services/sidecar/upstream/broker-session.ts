import { errorReasons, ServiceError } from '@stint/common/errors.ts';
import type { Status__Output } from '@stint/common/gen/google/rpc/Status.ts';
import type { CompleteGrantResponse__Output } from '@stint/common/gen/stint/broker/v1/CompleteGrantResponse.ts';
import type { MessageView__Output } from '@stint/common/gen/stint/sidecar/v1/MessageView.ts';
import { fromRpcStatus } from '@stint/common/grpc-status.ts';
import type { LeaseId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import type { AccessFields } from '@stint/common/request-limits.ts';
import { sessionQuestionsMax } from '@stint/common/session-limits.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import type {
  AnsweredAccess,
  AskOptions,
  Broker,
  BrokerPushes,
  GrantEnding,
  RenewedLease,
} from '../app/ports.ts';
import { QuestionTable } from './question-table.ts';
import { SessionConnector } from './session-connector.ts';
import type { LinkTimes, SessionLink, SessionStream } from './session-link.ts';
import {
  accessQuestion,
  type QuestionBody,
  questionBytes,
  readAccess,
  readEnded,
  readRenewed,
} from './session-messages.ts';

/** Most bytes of the questions under way: what a dead broker can make us hold. */
export const inFlightBytesMax = 8 * 1_024 * 1_024;

/** How long the delivery of a credential is reported, in milliseconds; the broker waits less than that for it. */
const acknowledgeMs = 15_000;

/** A question that waits for its answer. */
type Question = {
  readonly id: number;
  readonly body: QuestionBody;
  readonly bytes: number;
  readonly traceparent: string;
  readonly timer: NodeJS.Timeout;
  readonly answer: PromiseWithResolvers<MessageView__Output>;
  /** The link it was last sent on; undefined: to be sent on the next. */
  link: SessionLink | undefined;
  sends: number;
};

export type BrokerSessionOptions = {
  /** Opens a stream on a new connection, as the SVID of now. */
  readonly dial: () => SessionStream;
  readonly svids: SvidSource;
  readonly pushes: BrokerPushes;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: LinkTimes;
};

/**
 * The sidecar's session with its broker. Questions outlive connections: one that was not answered is asked again on the
 * next link with the same body, so with the same idempotency key, until its own deadline.
 *
 * A question is here from {@link Broker}'s call until answered, refused or past its deadline, and on at most one live
 * link. An answer that nobody waits for any more, when it is access, is handed to `lateAccess`.
 */
export class BrokerSession implements Broker {
  readonly #options: BrokerSessionOptions;
  readonly #questions = new QuestionTable<Question>();
  readonly #connector: SessionConnector;
  #bytes = 0;
  #heardAt: UnixMs | undefined;
  #isClosing = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: BrokerSessionOptions) {
    this.#options = options;
    this.#connector = new SessionConnector({
      ...options,
      nextId: () => this.#questions.spareId(),
      ready: (link, replaced) => this.#moveTo(link, replaced),
      message: (link, message) => this.#receive(link, message),
      closed: (link) => this.#leave(link),
      refused: (refusal) => this.#refuseAll(refusal),
    });
  }

  /** Begins to connect; questions may be asked before there is a link. */
  start(): void {
    this.#connector.start();
  }

  outage(): ServiceError | undefined {
    return this.#connector.outage();
  }

  lastHeardAt(): UnixMs | undefined {
    return this.#heardAt;
  }

  async requestAccess(request: AccessFields, options: AskOptions): Promise<AnsweredAccess> {
    const { access } = await this.#ask(accessQuestion(request), options);
    return readAccess(access ?? missing('access'));
  }

  async completeGrant(ending: GrantEnding, options: AskOptions): Promise<CompleteGrantResponse__Output> {
    const { completed } = await this.#ask({ completeGrant: { ...ending } }, options);
    return completed ?? missing('completed');
  }

  async renewLease(
    renewal: { readonly leaseId: LeaseId; readonly ttlMs: number | undefined },
    options: AskOptions,
  ): Promise<RenewedLease> {
    const body = { renewLease: { leaseId: renewal.leaseId, ttl: toDuration(renewal.ttlMs) } };
    const { renewed } = await this.#ask(body, options);
    return readRenewed(renewed ?? null, renewal.leaseId);
  }

  acknowledgeDelivery(leaseId: LeaseId): void {
    const { clock, log } = this.#options;
    const options = { deadline: clock.now() + acknowledgeMs };
    const acknowledged = (async () => await this.#ask({ acknowledgeDelivery: { leaseId } }, options))();
    acknowledged.catch((error: unknown) =>
      log.warn({ lease_id: leaseId, error }, 'delivery not acknowledged: the broker will end the lease'),
    );
  }

  /** Waits until no question is under way, at most `deadlineMs`; refuses the rest and ends the links. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#questions.size > 0) {
      this.#idle = Promise.withResolvers();
      const timer = setTimeout(() => this.#idle?.resolve(), deadlineMs);
      await this.#idle.promise;
      clearTimeout(timer);
    }
    this.#connector.stop();
    this.#refuseAll(new ServiceError('SHUTTING_DOWN', 'the sidecar is stopping'));
  }

  /** @throws as {@link Broker} says. */
  #ask(body: QuestionBody, options: AskOptions): Promise<MessageView__Output> {
    if (this.#isClosing) throw new ServiceError('SHUTTING_DOWN', 'the sidecar is stopping');
    const bytes = questionBytes(body);
    // A delivery is never kept back: the broker would end a lease that is in use.
    if (!body.acknowledgeDelivery) this.#requireRoom(bytes);
    const question = this.#questions.open((id) => ({
      id,
      body,
      bytes,
      traceparent: options.traceparent ?? '',
      timer: setTimeout(() => this.#expire(id), Math.max(0, options.deadline - this.#options.clock.now())),
      answer: Promise.withResolvers(),
      link: undefined,
      sends: 0,
    }));
    this.#bytes += bytes;
    this.#send(question);
    return question.answer.promise;
  }

  #requireRoom(bytes: number): void {
    if (this.#questions.size < sessionQuestionsMax && this.#bytes + bytes <= inFlightBytesMax) return;
    throw new ServiceError('RATE_LIMITED', `${this.#questions.size} questions to the broker are under way`, {
      metadata: { in_flight_max: String(sessionQuestionsMax), in_flight_bytes_max: String(inFlightBytesMax) },
      retryAfterMs: 100,
    });
  }

  #send(question: Question): void {
    const link = this.#connector.current;
    if (link === undefined) return;
    const { id, body, bytes, traceparent } = question;
    question.link = link;
    question.sends += 1;
    link.send({ message: { ...body, id, traceparent }, bytes });
  }

  /** A new link is ready: what waits goes onto it; what was asked on the old one is answered there. */
  #moveTo(link: SessionLink, replaced: SessionLink | undefined): void {
    for (const question of this.#questions.list()) if (question.link === undefined) this.#send(question);
    this.#endIfDone(replaced);
    this.#options.log.info({ svid_sha256: link.svidSha256 }, 'session with the broker is open');
  }

  /** A link is gone: its questions are asked again, now or when there is another. */
  #leave(link: SessionLink): void {
    for (const question of this.#questions.list()) {
      if (question.link !== link) continue;
      question.link = undefined;
      this.#send(question);
    }
  }

  #receive(link: SessionLink, message: MessageView__Output): void {
    const { clock, pushes, log } = this.#options;
    this.#heardAt = clock.now();
    const question = this.#questions.find(message.id);
    try {
      if (question !== undefined) this.#answer(question, message);
      else if (message.id === 0) this.#push(link, message);
      else if (message.access) pushes.lateAccess(readAccess(message.access));
    } catch (error) {
      log.error({ error }, 'a message of the broker cannot be used');
    }
  }

  #answer(question: Question, message: MessageView__Output): void {
    const { link } = question;
    const refusal = message.failure ? readRefusal(message.failure) : undefined;
    if (refusal === undefined) {
      this.#settle(question);
      question.answer.resolve(message);
    } else if (!this.#asksAgain(question, refusal)) {
      this.#settle(question);
      question.answer.reject(refusal);
    }
    if (link !== this.#connector.current) this.#endIfDone(link);
  }

  /** Deals with refusals that are no answer; the question then waits without a link, for a moment or for the next one. */
  #asksAgain(question: Question, refusal: ServiceError): boolean {
    const { current } = this.#connector;
    // A broker that stops will not answer; another may.
    const isStopping = refusal.reason === 'SHUTTING_DOWN';
    // The first asking of the same question, on a link that was lost, is still being answered.
    const isRepeated = question.sends > 1 && refusal.reason === 'CONCURRENT_UPDATE';
    // A delivery that the broker does not hear of ends a lease that is in use.
    const isDelivery = Boolean(question.body.acknowledgeDelivery) && errorReasons[refusal.reason].retry;
    if (!isStopping && !isRepeated && !isDelivery) return false;
    const isRefuser = question.link === current;
    question.link = undefined;
    if (isStopping && isRefuser) return true;
    setTimeout(() => {
      if (this.#questions.find(question.id) !== undefined && question.link === undefined)
        this.#send(question);
    }, refusal.retryAfterMs ?? 100);
    return true;
  }

  #push(link: SessionLink, message: MessageView__Output): void {
    const { pushes, log } = this.#options;
    if (message.leasesEnded) {
      const { ended, faults } = readEnded(message.leasesEnded.leases);
      pushes.leasesEnded(ended);
      if (faults.length > 0)
        log.error({ error: faults[0], leases: faults.length }, 'ends that the broker told cannot be used');
    }
    // The keys of a link that is being left may be older than those of the link in its place.
    if (message.trustBundle && this.#connector.isNewest(link)) pushes.tokenKeys(message.trustBundle);
  }

  #expire(id: number): void {
    const question = this.#questions.find(id);
    if (question === undefined) return;
    this.#settle(question);
    question.answer.reject(
      this.outage() ?? new ServiceError('DEADLINE_EXCEEDED', 'the broker did not answer in time'),
    );
  }

  /** Waiting mends nothing: the broker will have no session with this identity, or the sidecar stops. */
  #refuseAll(refusal: ServiceError): void {
    for (const question of this.#questions.list()) {
      this.#settle(question);
      question.answer.reject(refusal);
    }
  }

  #settle(question: Question): void {
    clearTimeout(question.timer);
    this.#questions.close(question.id);
    this.#bytes -= question.bytes;
    if (this.#questions.size === 0) this.#idle?.resolve();
  }

  /** Ends a link that was replaced once nothing is asked on it any more. */
  #endIfDone(link: SessionLink | undefined): void {
    for (const question of this.#questions.list()) if (question.link === link) return;
    link?.end();
  }
}

/** A refusal, or INTERNAL for one that cannot be used: it fails the question it answers, and nothing else. */
function readRefusal(failure: Status__Output): ServiceError {
  try {
    return fromRpcStatus(failure);
  } catch (cause) {
    return new ServiceError('INTERNAL', 'the broker answered with a refusal that cannot be read', { cause });
  }
}

function missing(field: string): never {
  throw new ServiceError('INTERNAL', `the broker answered another question: it has no "${field}"`);
}

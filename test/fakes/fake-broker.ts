import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { type ErrorReason, ServiceError } from '@stint/common/errors.ts';
import type { ClientMessage__Output } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { RequestAccessRequest__Output } from '@stint/common/gen/stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse } from '@stint/common/gen/stint/broker/v1/RequestAccessResponse.ts';
import type { ServerMessage } from '@stint/common/gen/stint/broker/v1/ServerMessage.ts';
import type { SessionRequest__Output } from '@stint/common/gen/stint/broker/v1/SessionRequest.ts';
import type { SessionResponse } from '@stint/common/gen/stint/broker/v1/SessionResponse.ts';
import { type CallContext, grpcService, type MessageStream } from '@stint/common/grpc-method.ts';
import { type GrpcServer, startGrpcServer } from '@stint/common/grpc-server.ts';
import { toRpcStatus } from '@stint/common/grpc-status.ts';
import { newId, parseId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { fromDuration, toTimestamp } from '@stint/common/proto-time.ts';
import { frameBytesMax, frameMessagesMax, sessionQuestionsMax } from '@stint/common/session-limits.ts';
import { parseTrustDomain } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidSource } from '@stint/common/x509-svid.ts';
import { credentialOf, type FakeGrant, grantMessages, isRenewable } from './fake-grant.ts';

type Stream = MessageStream<SessionRequest__Output, SessionResponse>;
type Body = NonNullable<ClientMessage__Output['body']>;

const keyId = 'fake-1';

/**
 * A broker's AccessService over real mutual TLS, strict about what a sidecar may send, with grants in memory that live
 * as long as this object: {@link stop} and {@link start} are a restart. Resources whose name ends in `-db` give a
 * renewable database user, all others a signed token; `nobody` is not found and `secret` is denied. It is held to what a
 * sidecar relies on by the contract that the real broker's session passes too: test/contract/broker-session.ts.
 */
export class FakeBroker {
  readonly grants = new Map<string, FakeGrant>();
  /** Every question, in the order of arrival. */
  readonly asked: { readonly body: Body; readonly traceparent: string; readonly key: string }[] = [];
  /** Number of messages of each frame. */
  readonly frames: number[] = [];
  /** What a sidecar did that the contract forbids. */
  readonly violations: string[] = [];
  readonly issuer = 'https://broker.test';
  /** Lifetime of leases that name none, in milliseconds. */
  defaultTtlMs = 600_000;
  /** While set, questions of this kind wait for it before they are answered. */
  gate: { readonly body: Body; readonly open: Promise<void> } | undefined;
  /** The next question of this kind is refused with this. */
  refusals: { readonly body: Body; readonly error: ServiceError }[] = [];
  readonly #svids: SvidSource;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #streams = new Set<FakeSession>();
  #server: GrpcServer | undefined;
  #port = 0;

  constructor(svids: SvidSource) {
    this.#svids = svids;
  }

  /** Where it listens; the same after a restart. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.#port };
  }

  get openSessions(): number {
    return this.#streams.size;
  }

  /** How many questions of a kind were asked. */
  count(body: Body): number {
    return this.asked.filter((question) => question.body === body).length;
  }

  async start(): Promise<void> {
    const trustDomain = parseTrustDomain('stint.local');
    this.#server = await startGrpcServer({
      name: 'broker',
      listeners: [
        {
          kind: 'tcp',
          host: '127.0.0.1',
          port: this.#port,
          tls: { source: this.#svids, requireClientSvid: true, trustDomain },
        },
      ],
      services: [this.#service()],
      log: createLog({ service: 'fake-broker', level: 'silent' }),
      clock: systemClock,
    });
    const [address] = this.#server.addresses;
    if (address?.kind === 'tcp') this.#port = address.port;
  }

  async stop(): Promise<void> {
    await this.#server?.close(0);
    this.#server = undefined;
  }

  /** Ends a lease, as from outside, and tells every session. */
  endLease(leaseId: string, reason = 'revoked'): void {
    const grant = [...this.grants.values()].find((candidate) => candidate.leaseId === leaseId);
    if (grant === undefined) throw new Error(`no lease ${leaseId}`);
    grant.endedAs = reason;
    const expiresAt = toTimestamp(grant.expiresAt);
    const ended = { leaseId, grantId: grant.id, expiresAt, reason };
    for (const session of this.#streams) session.push({ id: 0, leasesEnded: { leases: [ended] } });
  }

  /** Gives a grant's access once more, as the answer to a question that nobody asks any more. */
  answerLate(grant: FakeGrant): void {
    for (const session of this.#streams) session.answerLate(grant);
  }

  /** The keys, as pushed. */
  jwks(): string {
    const jwk = this.#keys.publicKey.export({ format: 'jwk' });
    return JSON.stringify({ keys: [{ ...jwk, kid: keyId, alg: 'ES256', use: 'sig' }] });
  }

  /** Signs claims as a grant token, right or wrong as a test needs. */
  signToken(claims: object, header: object = {}): string {
    const parts = [{ alg: 'ES256', typ: 'at+jwt', kid: keyId, ...header }, claims];
    const body = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const key = { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${body}.${sign('sha256', Buffer.from(body), key).toString('base64url')}`;
  }

  /** Claims of a grant's token. */
  claimsOf(grant: FakeGrant): Record<string, unknown> {
    const iat = Math.floor(grant.decidedAt / 1_000);
    return {
      iss: this.issuer,
      sub: grant.holder,
      aud: grant.resource,
      iat,
      nbf: iat - 30,
      exp: Math.floor(grant.expiresAt / 1_000),
      jti: grant.leaseId,
      client_id: grant.holder,
      scope: grant.action,
      grant_id: grant.id,
    };
  }

  #service() {
    const row = {
      callers: ['svid'] as const,
      deadlineMs: { default: 5_000, max: 30_000 },
      concurrencyMax: 1_000,
      requestBytesMax: 2 * frameBytesMax,
    };
    const unused = () => {
      throw new ServiceError('METHOD_NOT_ALLOWED', 'a sidecar speaks through its session');
    };
    return grpcService({
      definition: services.access,
      methods: {
        RequestAccess: row,
        CompleteGrant: row,
        RenewLease: row,
        Session: { ...row, deadlineMs: 'endless' },
      },
      handlers: {
        RequestAccess: unused,
        CompleteGrant: unused,
        RenewLease: unused,
        Session: async (stream, call) => {
          const session = new FakeSession(this, stream, call);
          this.#streams.add(session);
          await session.serve().finally(() => this.#streams.delete(session));
        },
      },
    });
  }
}

/** One sidecar's stream at the fake. */
class FakeSession {
  readonly #broker: FakeBroker;
  readonly #stream: Stream;
  readonly #call: CallContext;
  readonly #underWay = new Set<number>();

  constructor(broker: FakeBroker, stream: Stream, call: CallContext) {
    this.#broker = broker;
    this.#stream = stream;
    this.#call = call;
  }

  push(message: ServerMessage): void {
    this.#stream.write({ messages: [message] });
  }

  async serve(): Promise<void> {
    const { issuer } = this.#broker;
    const trustBundle = { sequence: 1, x509Authorities: [], jwks: this.#broker.jwks(), issuer };
    this.push({ id: 0, trustBundle });
    const { frames, violations } = this.#broker;
    for await (const { messages } of this.#stream) {
      frames.push(messages.length);
      if (messages.length === 0) violations.push('a frame of nothing');
      if (messages.length > frameMessagesMax) throw this.#forbidden('MESSAGE_TOO_LARGE', 'a frame too large');
      if (messages.some(({ id }) => id === 0)) throw this.#forbidden('INVALID_FIELD', 'a question with id 0');
      // All answers of one frame that are ready leave in one frame, as the real broker's do.
      const ready: ServerMessage[] = [];
      for (const message of messages) {
        const answer = this.#take(message);
        if (answer instanceof Promise) void answer.then((late) => this.push(late));
        else ready.push(answer);
      }
      if (ready.length > 0) this.#stream.write({ messages: ready });
    }
  }

  answerLate(grant: FakeGrant): void {
    this.push({ id: 1, access: this.#access(grant, true) });
  }

  #take(message: ClientMessage__Output): ServerMessage | Promise<ServerMessage> {
    const { id, body } = message;
    const { violations, gate, asked } = this.#broker;
    if (this.#underWay.size >= sessionQuestionsMax) violations.push('too many questions under way');
    if (this.#underWay.has(id)) violations.push(`id ${id} is under way twice`);
    if (body === undefined) violations.push('a message without a body');
    this.#underWay.add(id);
    const key = message.requestAccess?.idempotencyKey ?? '';
    if (body !== undefined) asked.push({ body, traceparent: message.traceparent, key });
    const answer = () => {
      this.#underWay.delete(id);
      try {
        return { ...this.#answer(message), id };
      } catch (error) {
        return { id, failure: toRpcStatus(error, { service: 'broker', requestId: 'req_test' }) };
      }
    };
    return gate !== undefined && gate.body === body ? gate.open.then(answer) : answer();
  }

  #answer(message: ClientMessage__Output): Omit<ServerMessage, 'id'> {
    const { refusals } = this.#broker;
    const refusal = refusals.findIndex(({ body }) => body === message.body);
    if (refusal >= 0) throw refusals.splice(refusal, 1)[0]?.error ?? new Error('unreachable');
    if (message.requestAccess) return { access: this.#requestAccess(message.requestAccess) };
    if (message.completeGrant)
      return this.#complete(message.completeGrant.grantId, message.completeGrant.reason);
    if (message.renewLease) return this.#renew(message.renewLease.leaseId);
    if (message.acknowledgeDelivery) this.#acknowledge(message.acknowledgeDelivery.leaseId);
    else if (!message.alive) throw new ServiceError('INVALID_FIELD', 'message: it asks nothing known');
    return { alive: {} };
  }

  #requestAccess(request: RequestAccessRequest__Output): RequestAccessResponse {
    const { idempotencyKey: key, resource, action } = request;
    if (resource === 'nobody')
      throw new ServiceError('RESOURCE_NOT_FOUND', 'resource "nobody" is not registered');
    if (resource === 'secret') throw new ServiceError('GRANT_DENIED', 'policy denies it');
    const bodySha256 = createHash('sha256')
      .update(JSON.stringify({ ...request, idempotencyKey: '' }))
      .digest('hex');
    const known = this.#broker.grants.get(key);
    if (known === undefined) return this.#access(this.#decide(request, bodySha256), false);
    if (known.bodySha256 !== bodySha256)
      throw new ServiceError('IDEMPOTENCY_KEY_REUSED', `key for ${resource} ${action} was used before`);
    if (known.endedAs !== undefined) throw new ServiceError('GRANT_ENDED', 'the grant of this key is over');
    return this.#access(known, true);
  }

  #decide(request: RequestAccessRequest__Output, bodySha256: string): FakeGrant {
    const now = Date.now();
    const ttlMs = fromDuration(request.ttl) ?? this.#broker.defaultTtlMs;
    const grant: FakeGrant = {
      id: newId('grant', now),
      leaseId: newId('lease', now),
      holder: this.#holder(),
      resource: request.resource,
      action: request.action,
      key: request.idempotencyKey,
      bodySha256,
      decidedAt: now,
      expiresAt: now + ttlMs,
      hardExpiresAt: isRenewable(request) ? now + 10 * ttlMs : now + ttlMs,
      renewals: 0,
      endedAs: undefined,
      isAcknowledged: false,
    };
    this.#broker.grants.set(grant.key, grant);
    return grant;
  }

  #access(grant: FakeGrant, replayed: boolean): RequestAccessResponse {
    const token = this.#broker.signToken(this.#broker.claimsOf(grant));
    return { ...grantMessages(grant), credential: credentialOf(grant, token), replayed };
  }

  #complete(grantId: string, reason: string): Omit<ServerMessage, 'id'> {
    const grant = this.#ownGrant({ id: parseId('grant', grantId, 'grant_id') });
    if (grant === undefined) throw new ServiceError('GRANT_NOT_FOUND', 'no such grant');
    if (reason !== 'completed' && reason !== 'abandoned') this.#broker.violations.push(`reason ${reason}`);
    if (grant.endedAs === undefined) this.#broker.endLease(grant.leaseId, reason);
    const { grant: message, lease } = grantMessages(grant);
    return { completed: { grant: message, leases: [lease] } };
  }

  /** What is not the holder's, or is no lease at all, is passed over without a word, as the real broker does. */
  #acknowledge(leaseId: string): void {
    const grant = this.#ownGrant({ leaseId: parseId('lease', leaseId, 'lease_id') });
    if (grant === undefined) return;
    if (grant.isAcknowledged) this.#broker.violations.push('a delivery acknowledged twice');
    grant.isAcknowledged = true;
  }

  #renew(leaseId: string): Omit<ServerMessage, 'id'> {
    const grant = this.#ownGrant({ leaseId: parseId('lease', leaseId, 'lease_id') });
    if (grant === undefined) throw new ServiceError('LEASE_NOT_FOUND', 'no such lease');
    if (!isRenewable(grant)) throw new ServiceError('LEASE_NOT_RENEWABLE', 'tokens are asked for anew');
    if (grant.endedAs !== undefined) throw new ServiceError('LEASE_NOT_RENEWABLE', 'it is revoked');
    grant.renewals += 1;
    grant.expiresAt = Math.min(grant.hardExpiresAt, Date.now() + this.#broker.defaultTtlMs);
    return { renewed: { lease: grantMessages(grant).lease, renewedAt: toTimestamp(Date.now()) } };
  }

  #ownGrant(named: { readonly id: string } | { readonly leaseId: string }): FakeGrant | undefined {
    const isNamed = (grant: FakeGrant) =>
      'id' in named ? grant.id === named.id : grant.leaseId === named.leaseId;
    const own = [...this.#broker.grants.values()].filter(({ holder }) => holder === this.#holder());
    return own.find(isNamed);
  }

  #holder(): string {
    const { caller } = this.#call;
    return caller.kind === 'svid' ? caller.spiffeId : '';
  }

  /** Keeps what the contract forbids, and gives the error that ends the session. */
  #forbidden(reason: ErrorReason, what: string): ServiceError {
    this.#broker.violations.push(what);
    return new ServiceError(reason, what);
  }
}

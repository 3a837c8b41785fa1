import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import { type GrantId, type LeaseId, newId } from '@stint/common/ids.ts';
import { type AccessFields, validateAccessFields } from '@stint/common/request-limits.ts';
import { SingleFlight } from '@stint/common/single-flight.ts';
import { count, currentTraceparent, withSpan } from '@stint/common/telemetry.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { EndedLeases } from '../domain/ended-leases.ts';
import { cacheKey } from '../domain/lease-cache.ts';
import { askMs, type Caller, waitFor } from './caller.ts';
import type { GrantEndings } from './grant-endings.ts';
import type { Access, AccessCache, AnsweredAccess, Broker, HeldAccess } from './ports.ts';
import type { WatchSessions } from './watch-sessions.ts';

/**
 * How long a lease waits for the caller who asked for it and went away, in milliseconds. Its retry finds the lease;
 * the broker takes an unacknowledged credential back after the same time.
 */
export const unclaimedMs = 5_000;

/**
 * Most bytes of answers in memory for each lease that may be there, so leasesMax times as many in all; one more question
 * is then RATE_LIMITED. Room for four times the usual answer; what is under way when it is reached still comes.
 */
export const bytesPerLeaseMax = 8_192;

/** What a workload asks of Acquire. Everything is declared and not yet validated. */
export type AcquireRequest = Omit<AccessFields, 'idempotencyKey'> & {
  /** Undefined: the sidecar makes one. */
  readonly idempotencyKey: string | undefined;
  readonly isFresh: boolean;
  readonly sessionId: string | undefined;
};

/** Access, and whether it came from memory. */
export type Acquired = {
  readonly access: Access;
  readonly grantId: GrantId;
  readonly leaseId: LeaseId;
  readonly cached: boolean;
};

/** How the broker is asked. `key`: the question's, see {@link cacheKey}. `isKeyOurs`: the caller named no idempotency key. */
type Asking = { readonly key: string | undefined; readonly isKeyOurs: boolean };

export type AcquireAccessParts = {
  readonly cache: AccessCache;
  readonly sessions: WatchSessions;
  readonly endings: GrantEndings;
  readonly endedLeases: EndedLeases;
  readonly broker: Broker;
  readonly clock: Clock;
  /** Most leases in memory, being asked for, and being ended, together. */
  readonly leasesMax: number;
};

/**
 * Gets access for a workload: from memory when a live lease fits, else from the broker.
 *
 * 1. validate (nothing changed) · 2. look into memory, hold, answer · 3. else ask the broker, once for all who ask the
 * same at the same time (crash: the broker's session ends; an unacknowledged credential is taken back, a token ends by
 * itself) · 4. take the lease into memory, unclaimed (every caller gone: completed as abandoned after
 * {@link unclaimedMs}) · 5. each caller still there gets a hold and the answer · 6. the credential's delivery is
 * acknowledged after the first answer has left.
 */
export class AcquireAccess {
  readonly #parts: AcquireAccessParts;
  readonly #flights = new SingleFlight<HeldAccess>();
  /** Database leases whose delivery the broker does not know of yet. */
  readonly #unacknowledged = new WeakSet<Access>();
  #asking = 0;
  #hits = 0;
  #misses = 0;

  constructor(parts: AcquireAccessParts) {
    this.#parts = parts;
  }

  /** Calls answered from memory, and calls that needed the broker, since the start. */
  get counts(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /**
   * Returns at once, without a promise, when memory has the answer: the hot path.
   * @throws ServiceError INVALID_FIELD, TTL_OUT_OF_RANGE, RATE_LIMITED; GRANT_ENDED, by the key that the request
   * names, or twice in a row; and those of {@link Broker}.
   */
  execute(request: AcquireRequest, caller: Caller): Acquired | Promise<Acquired> {
    const { clock } = this.#parts;
    const fields = { ...request, idempotencyKey: request.idempotencyKey ?? this.#newKey() };
    validateAccessFields(fields);
    this.#parts.sessions.requireOpen(request.sessionId);
    const key = request.isFresh ? undefined : cacheKey(request);
    return withSpan('stint.acquire', { attributes: spanAttributes(request) }, (span) => {
      const lease = key === undefined ? undefined : this.#parts.cache.find(key, request.ttlMs, clock.now());
      span?.setAttribute('stint.cached', lease !== undefined);
      count('stint.sidecar.cache.lookups', { 'stint.outcome': lease === undefined ? 'miss' : 'hit' });
      if (lease === undefined) {
        this.#misses += 1;
        const isKeyOurs = request.idempotencyKey === undefined;
        return this.#ask(fields, { key, isKeyOurs, flight: flightOf(fields, { key, isKeyOurs }) }, caller);
      }
      this.#hits += 1;
      return this.#hold(lease, request.sessionId, true);
    });
  }

  /** To be called once the answer has left for the workload. Tokens exist nowhere else and need no word. */
  delivered(acquired: Acquired): void {
    if (this.#unacknowledged.delete(acquired.access))
      this.#parts.broker.acknowledgeDelivery(acquired.leaseId);
  }

  async #ask(
    fields: AccessFields & Pick<AcquireRequest, 'sessionId'>,
    asking: Asking & { readonly flight: string | undefined },
    caller: Caller,
  ): Promise<Acquired> {
    const { flight } = asking;
    let isReplayed = false;
    const fetch = async () => {
      const lease = await this.#fetch(fields, asking);
      isReplayed = lease.replayed;
      return lease.held;
    };
    const asked = flight === undefined ? fetch() : this.#flights.run(flight, fetch);
    const lease = await waitFor(asked, caller, this.#parts);
    // The repetition of a call whose answer was lost is the same caller: it holds once, if it can be recognised.
    if (isReplayed && this.#parts.cache.isHeldBy(lease.grantId, fields.sessionId))
      return answer(lease, false);
    return this.#hold(lease, fields.sessionId, false);
  }

  #hold(lease: HeldAccess, sessionId: string | undefined, cached: boolean): Acquired {
    this.#parts.sessions.requireOpen(sessionId);
    if (!this.#parts.cache.hold(lease.grantId, sessionId)) {
      throw new ServiceError('GRANT_ENDED', 'the grant ended before it was delivered; ask again', {
        metadata: { grant_id: lease.grantId },
      });
    }
    return answer(lease, cached);
  }

  /**
   * Asks the broker, once more under a new key when the grant of a key of ours is over: nobody has had it. Its answer was
   * lost on the way, and the broker ended what was not delivered before it was asked again.
   */
  async #fetch(
    fields: AccessFields,
    { key, isKeyOurs }: Asking,
  ): Promise<{ readonly held: HeldAccess; readonly replayed: boolean }> {
    const { broker, cache, clock, endedLeases } = this.#parts;
    this.#requireRoom();
    const options = { deadline: clock.now() + askMs, traceparent: currentTraceparent() };
    this.#asking += 1;
    try {
      const askedAt = clock.now();
      let answered: AnsweredAccess;
      try {
        answered = await broker.requestAccess(fields, options);
      } catch (refusal) {
        if (!isKeyOurs || !isServiceError(refusal, 'GRANT_ENDED')) throw refusal;
        answered = await broker.requestAccess({ ...fields, idempotencyKey: this.#newKey() }, options);
      }
      // Whoever ended it before it came, an operator as like as not, has not asked for another.
      if (endedLeases.has(answered.leaseId))
        throw new ServiceError('GRANT_ENDED', 'the grant has already ended');
      const held = heldAccess(answered, { key, wantedMs: fields.ttlMs, askedAt });
      cache.add(held, clock.now() + unclaimedMs);
      if (answered.access.credentialKind === 'database') this.#unacknowledged.add(held.access);
      return { held, replayed: answered.replayed };
    } finally {
      this.#asking -= 1;
    }
  }

  #newKey(): string {
    return `sidecar-${newId('request', this.#parts.clock.now())}`;
  }

  #requireRoom(): void {
    const { cache, endings, leasesMax } = this.#parts;
    if (cache.size + endings.size + this.#asking >= leasesMax)
      throw noRoom(`the sidecar has ${leasesMax} leases`, { leases_max: String(leasesMax) });
    const bytesMax = leasesMax * bytesPerLeaseMax;
    if (cache.bytes >= bytesMax)
      throw noRoom(`the leases in memory take ${cache.bytes} bytes`, { bytes_max: String(bytesMax) });
  }
}

function noRoom(fact: string, metadata: Readonly<Record<string, string>>): ServiceError {
  const text = `${fact}, as many as may be: release some`;
  return new ServiceError('RATE_LIMITED', text, { metadata, retryAfterMs: 1_000 });
}

/**
 * The lease as it is kept. It ends here when the broker says, or after the lifetime the broker gave counted from our
 * question, whichever is sooner: a sidecar whose clock is behind must not serve a lease past its end.
 */
function heldAccess(
  answered: AnsweredAccess,
  asked: {
    readonly key: string | undefined;
    readonly wantedMs: number | undefined;
    readonly askedAt: UnixMs;
  },
): HeldAccess {
  const { access, bytes, grantId, leaseId, decidedAt, expiresAt, hardExpiresAt, renewable } = answered;
  return {
    leaseId,
    grantId,
    key: asked.key,
    wantedMs: asked.wantedMs,
    issuedAt: asked.askedAt,
    expiresAt: Math.min(expiresAt, asked.askedAt + (expiresAt - decidedAt)),
    hardExpiresAt,
    renewable,
    bytes,
    access,
  };
}

/** Whoever asks under the same name at the same time gets the same answer; undefined: nobody else can ask for this. */
function flightOf(fields: AccessFields, { key, isKeyOurs }: Asking): string | undefined {
  // A wish for another lifetime is another question: the first answer may not fit the second asker.
  const ttl = fields.ttlMs ?? 'default';
  if (isKeyOurs) return key === undefined ? undefined : `${ttl} ${key}`;
  // What the broker says of a key is said to those who named it, and of no other question under it.
  const kind = key === undefined ? 'fresh' : 'shared';
  return `${kind} ${fields.idempotencyKey} ${ttl} ${cacheKey(fields)}`;
}

function answer(lease: HeldAccess, cached: boolean): Acquired {
  return { access: lease.access, grantId: lease.grantId, leaseId: lease.leaseId, cached };
}

function spanAttributes(request: AcquireRequest) {
  return { 'stint.resource': request.resource, 'stint.action': request.action };
}

import type { ServiceError } from '@stint/common/errors.ts';
import type { CompleteGrantResponse__Output } from '@stint/common/gen/stint/broker/v1/CompleteGrantResponse.ts';
import type { Lease__Output } from '@stint/common/gen/stint/broker/v1/Lease.ts';
import type { GrantId, LeaseId } from '@stint/common/ids.ts';
import type { AccessFields } from '@stint/common/request-limits.ts';
import type { Secret } from '@stint/common/secret.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { HeldLease, LeaseCache } from '../domain/lease-cache.ts';

/** A lease as the broker tells it: shown to the workload unchanged. */
export type LeaseMessage = Lease__Output;

/**
 * What a caller of Acquire gets, as the broker wrote it: the sidecar decides nothing by it and hands it on. Replaced whole,
 * never changed: what was made of it once stays true.
 */
export type Access = {
  readonly credentialKind: 'token' | 'database';
  /** A stint.broker.v1.RequestAccessResponse, credential and all. Only ever in memory. */
  readonly answer: Secret;
  /** The lease since its last renewal; absent: the answer's own. */
  readonly renewed?: LeaseMessage;
};

/** The sidecar's memory: the leases held, with what callers get of each. */
export type HeldAccess = HeldLease<Access>;
export type AccessCache = LeaseCache<Access>;

/** Access as the broker answered, with the facts that the sidecar itself acts on. */
export type AnsweredAccess = {
  readonly access: Access;
  /** How long its answer is. */
  readonly bytes: number;
  readonly grantId: GrantId;
  readonly leaseId: LeaseId;
  readonly decidedAt: UnixMs;
  readonly expiresAt: UnixMs;
  readonly hardExpiresAt: UnixMs;
  readonly renewable: boolean;
  /** The stored answer to an idempotency key used before. */
  readonly replayed: boolean;
};

/** A renewed lease. `renewedAt` is when, by the broker's clock; undefined: it is older than that word. */
export type RenewedLease = {
  readonly lease: LeaseMessage;
  readonly renewedAt: UnixMs | undefined;
  readonly expiresAt: UnixMs;
  readonly hardExpiresAt: UnixMs;
  readonly renewable: boolean;
};

/** How one question is asked. */
export type AskOptions = {
  /** After this moment nobody waits for the answer. Until then a lost question is asked again, with the same key. */
  readonly deadline: UnixMs;
  /** W3C traceparent of the asking work. */
  readonly traceparent?: string | undefined;
};

/**
 * The broker, as the sidecar sees it. Every question may be asked twice without harm, so a broken connection is mended
 * behind this interface and callers only see the deadline.
 *
 * All methods throw the broker's own refusal, or: BROKER_UNAVAILABLE or IDENTITY_NOT_READY when there was no session
 * until the deadline, DEADLINE_EXCEEDED when the broker did not answer until then, RATE_LIMITED when too many questions
 * are under way, SHUTTING_DOWN.
 */
export interface Broker {
  requestAccess(request: AccessFields, options: AskOptions): Promise<AnsweredAccess>;
  completeGrant(ending: GrantEnding, options: AskOptions): Promise<CompleteGrantResponse__Output>;
  renewLease(
    renewal: { readonly leaseId: LeaseId; readonly ttlMs: number | undefined },
    options: AskOptions,
  ): Promise<RenewedLease>;
  /** Says that a credential reached the workload. Returns at once; tried again until the broker has heard it. */
  acknowledgeDelivery(leaseId: LeaseId): void;
  /** Why there is no session now; undefined while there is one. */
  outage(): ServiceError | undefined;
  /** When the broker was last heard from; undefined before the first time. */
  lastHeardAt(): UnixMs | undefined;
}

/** A grant to be completed at the broker. */
export type GrantEnding = {
  readonly grantId: GrantId;
  /** `abandoned`: the workload went away without a word. */
  readonly reason: 'completed' | 'abandoned';
  readonly waitContained: boolean;
};

/** A lease that ended before its time, as pushed. */
export type EndedLease = {
  readonly leaseId: LeaseId;
  readonly grantId: GrantId;
  readonly expiresAt: UnixMs;
  readonly reason: string;
};

/** What the broker says unasked. Called in order, never concurrently; must not throw. */
export type BrokerPushes = {
  leasesEnded(leases: readonly EndedLease[]): void;
  /** The keys that sign grant tokens (a JSON Web Key Set) and the issuer that they sign for. */
  tokenKeys(keys: { readonly jwks: string; readonly issuer: string }): void;
  /** Access arrived after everybody had stopped waiting for it. */
  lateAccess(grant: { readonly grantId: GrantId; readonly hardExpiresAt: UnixMs }): void;
};

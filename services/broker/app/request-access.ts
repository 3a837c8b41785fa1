import type { EventActor, EventDraft, EventValue } from '@stint/common/audit-event.ts';
import { canonicalJson } from '@stint/common/canonical-json.ts';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import { newId } from '@stint/common/ids.ts';
import { sha256 } from '@stint/common/merkle.ts';
import { validateAccessFields } from '@stint/common/request-limits.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { AllowDecision, Decision, DenyDecision } from '../domain/decision.ts';
import type { Grant } from '../domain/grant.ts';
import { activeUntil, intentMs, type Lease } from '../domain/lease.ts';
import { boundLifetime } from '../domain/lifetime.ts';
import { findProfile, type Identity, type Profile, type Resource } from '../domain/registry.ts';
import type { AuditBacklog } from './audit-backlog.ts';
import type { Bundles } from './bundles.ts';
import type { LeaseEnding } from './end-lease.ts';
import { type Credential, type Ledger, type LedgerOutcome, type Provider, ProviderFailure, type ProviderSet, type SigningProvider, type TargetProvider } from './ports.ts';
import type { StepObserver } from './steps.ts';

/** Who asks, as proved by mutual TLS. */
export type Asker = { readonly spiffeId: SpiffeId; readonly svidSha256: string; readonly svidExpiresAt: UnixMs };

/** One identity asks for one action on one resource. Everything but the asker is declared, and not yet validated. */
export type AccessRequest = {
  readonly idempotencyKey: string;
  readonly resource: string;
  readonly action: string;
  readonly ttlMs?: number;
  readonly justification: string;
  readonly context: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
};

/** Access, with the only copy of the credential. */
export type AccessAnswer = { readonly grant: Grant; readonly lease: Lease; readonly credential: Credential; readonly replayed: boolean };

export type RequestAccessParts = {
  readonly bundles: Bundles;
  readonly providers: ProviderSet;
  readonly ledger: Ledger;
  readonly backlog: AuditBacklog;
  readonly ending: LeaseEnding;
  readonly clock: Clock;
  readonly step: StepObserver;
};

/** How a request reaches the broker: whether the receiver will say that the credential arrived. */
export type Delivery = 'acknowledged' | 'unacknowledged';

/** What was asked and found, before anything is decided. */
type Question = {
  readonly asker: Asker;
  readonly request: AccessRequest;
  readonly identity: Identity;
  readonly resource: Resource;
  readonly profile: Profile;
  readonly provider: Provider;
  readonly traceparent: string | undefined;
  readonly delivery: Delivery;
  readonly now: UnixMs;
};

/** A grant and its first lease, as they will stand if they are committed; the lease's state comes last. */
type Draft = { readonly grant: Grant; readonly lease: Omit<Lease, 'state'> };

/**
 * Decides a request and, if policy allows it, issues the credential.
 *
 * 1. Validate, find identity and resource, decide. Nothing is written.
 * 2. For a provider that only signs: sign, then commit grant, active lease and event together. A crash before the commit
 *    leaves nothing: nobody has seen the credential. After it, the same idempotency key gets an equivalent one.
 * 3. For a provider that creates: commit grant and lease as `intent` with the name chosen. A crash after it leaves an
 *    intent, which the sweeper probes at the target by that name and removes.
 * 4. Create at the target. A crash or a lost reply leaves perhaps an entity: as 3.
 * 5. Commit the lease as `active`. A crash before it: as 3, the secret is lost and never adopted.
 * 6. Answer. Unless the receiver acknowledges within {@link deliveryMs}, the lease is revoked as undelivered.
 *
 * @throws ServiceError INVALID_FIELD, TTL_OUT_OF_RANGE, IDENTITY_UNKNOWN, IDENTITY_SUSPENDED, RESOURCE_NOT_FOUND,
 * PROFILE_NOT_FOUND, GRANT_DENIED, IDEMPOTENCY_KEY_REUSED, QUOTA_EXCEEDED, GRANT_ENDED (a replay whose grant is over),
 * CONCURRENT_UPDATE (a replay still being issued), AUDIT_UNAVAILABLE, PROVIDER_UNAVAILABLE, STORE_UNAVAILABLE. A denial is
 * answered only after its record is durable.
 */
export class RequestAccess {
  readonly #parts: RequestAccessParts;
  /** Requests being created at a target, by holder and key: a retry that comes meanwhile shares the answer. */
  readonly #creating = new Map<string, Promise<AccessAnswer>>();

  constructor(parts: RequestAccessParts) {
    this.#parts = parts;
  }

  async execute(asker: Asker, request: AccessRequest, options: { traceparent: string | undefined; delivery: Delivery }): Promise<AccessAnswer> {
    validateAccessFields(request);
    const question = await this.#find(asker, request, options);
    this.#parts.backlog.assertRoom();
    const decision = this.#decide(question);
    if (decision.kind === 'deny') throw await this.#deny(question, decision);
    const draft = draftGrant(question, decision);
    const { provider } = question;
    return provider.mode === 'signs' ? this.#issueSigned(question, draft, provider) : this.#issueShared(question, draft, provider);
  }

  async #find(asker: Asker, request: AccessRequest, options: { traceparent: string | undefined; delivery: Delivery }): Promise<Question> {
    const { registry } = this.#parts.bundles.current();
    const refuse = (error: ServiceError) => this.#refuse(asker, request, options.traceparent, error);
    const identity = registry.identities.get(asker.spiffeId);
    if (identity === undefined) throw await refuse(new ServiceError('IDENTITY_UNKNOWN', `identity "${asker.spiffeId}" is not registered: add it to the registry`));
    if (identity.state !== 'active') throw await refuse(new ServiceError('IDENTITY_SUSPENDED', `identity "${asker.spiffeId}" is ${identity.state}`));
    const resource = registry.resources.get(request.resource);
    if (resource === undefined) {
      throw await refuse(new ServiceError('RESOURCE_NOT_FOUND', `resource "${request.resource}" is not registered`, { metadata: { resource: request.resource } }));
    }
    const profile = findProfile(resource, request.action);
    if (profile === undefined) {
      const actions = resource.profiles.map((candidate) => candidate.name).join(', ');
      const text = `action "${request.action}" is not one of resource "${resource.id}": it has ${actions}`;
      throw await refuse(new ServiceError('PROFILE_NOT_FOUND', text, { metadata: { resource: resource.id, action: request.action, actions } }));
    }
    const provider = this.#parts.providers.get(resource.provider);
    if (provider === undefined) throw new Error(`resource ${resource.id} names no known provider: the bundle was not checked`);
    return { asker, request, identity, resource, profile, provider, ...options, now: this.#parts.clock.now() };
  }

  #decide(question: Question): Decision {
    const { request, identity, resource, profile, now } = question;
    const declared = { justification: request.justification, context: request.context, parameters: request.parameters };
    return this.#parts.bundles.current().engine.decide({ identity, resource, profile, declared, verified: {}, now });
  }

  /** Step 2. */
  async #issueSigned(question: Question, { grant, lease: draft }: Draft, provider: SigningProvider): Promise<AccessAnswer> {
    const lease: Lease = { ...draft, state: 'active', deliveredAt: question.now, nextAttemptAt: draft.expiresAt };
    const credential = provider.sign(grant, lease, question.profile);
    this.#parts.step('signed');
    const outcome = await this.#parts.ledger.commit({ insert: { grant, lease }, events: [event(question, 'grant.issued', grant, lease)] });
    this.#parts.step('signed_committed');
    if (outcome.kind === 'committed') return { grant, lease, credential, replayed: false };
    const stored = this.#replay(question, outcome);
    return { ...stored, credential: provider.sign(stored.grant, stored.lease, question.profile), replayed: true };
  }

  /** Steps 3 to 5, once for all who ask with the same key while they run. */
  #issueShared(question: Question, draft: Draft, provider: TargetProvider): Promise<AccessAnswer> {
    const { grant } = draft;
    const key = canonicalJson([grant.spiffeId, grant.idempotencyKey, grant.bodySha256]);
    const running = this.#creating.get(key);
    if (running !== undefined) return running.then((answer) => ({ ...answer, replayed: true }));
    const issuing = this.#issueCreated(question, draft, provider).finally(() => this.#creating.delete(key));
    this.#creating.set(key, issuing);
    return issuing;
  }

  async #issueCreated(question: Question, { grant, lease: draft }: Draft, provider: TargetProvider): Promise<AccessAnswer> {
    const intent: Lease = { ...draft, state: 'intent', nextAttemptAt: question.now + intentMs };
    // Only what stands at a target is counted: a target has room for so many users, a signature takes none.
    const insert = { grant, lease: intent, liveMax: question.profile.maxLivePerIdentity };
    const outcome = await this.#parts.ledger.commit({ insert, events: [event(question, 'grant.decided', grant, intent)] });
    if (outcome.kind !== 'committed') return this.#remint(question, outcome, provider);
    this.#parts.step('intent_committed');
    const created = await this.#create(question, grant, intent, provider);
    this.#parts.step('created');
    const lease = await this.#activate(question, grant, intent, created.handle);
    this.#parts.step('activated');
    return { grant, lease, credential: created.credential, replayed: false };
  }

  /** Step 4. A failure is recorded before it is told: nothing at the target without a lease that says so. */
  async #create(question: Question, grant: Grant, intent: Lease, provider: TargetProvider): Promise<{ credential: Credential; handle: Readonly<Record<string, string>> }> {
    try {
      return await provider.create(grant, intent, question, AbortSignal.timeout(intentMs / 2));
    } catch (cause) {
      const failure = cause instanceof ProviderFailure ? cause : new ProviderFailure('ambiguous', 'unexpected', cause);
      if (failure.kind === 'ambiguous') await this.#parts.ending.outcomeUnknown(grant, intent, failure.code);
      else await this.#parts.ending.creationFailed(grant, intent, failure.code);
      throw new ServiceError('PROVIDER_UNAVAILABLE', `resource "${grant.resource}": the target did not take the credential; nothing was handed out`, {
        metadata: { resource: grant.resource, provider: provider.name, code: failure.code },
        retryAfterMs: 1_000,
        cause,
      });
    }
  }

  /** Step 5. Losing the race against the sweeper means that the entity is being removed: it is not delivered. */
  async #activate(question: Question, grant: Grant, intent: Lease, handle: Readonly<Record<string, string>>): Promise<Lease> {
    const now = this.#parts.clock.now();
    const delivered = question.delivery === 'unacknowledged' ? { deliveredAt: now } : {};
    const lease: Lease = { ...intent, ...delivered, state: 'active', handle, nextAttemptAt: activeUntil({ ...intent, ...delivered }, now) };
    const change = { id: lease.id, from: ['intent'] as const, set: { state: lease.state, handle, nextAttemptAt: lease.nextAttemptAt ?? null, ...delivered } };
    const outcome = await this.#parts.ledger.commit({ lease: change, events: [event(question, 'lease.activated', grant, lease)] });
    if (outcome.kind === 'committed') return lease;
    throw new ServiceError('PROVIDER_UNAVAILABLE', `resource "${grant.resource}": issuing took too long and was taken back`, { retryAfterMs: 1_000 });
  }

  async #remint(question: Question, outcome: LedgerOutcome, provider: TargetProvider): Promise<AccessAnswer> {
    const stored = this.#replay(question, outcome);
    if (stored.lease.state === 'intent') {
      throw new ServiceError('CONCURRENT_UPDATE', `idempotency_key: the grant of this key is still being issued`, { retryAfterMs: 500, metadata: { grant_id: stored.grant.id } });
    }
    const credential = await provider.remint(stored.lease, question.resource, AbortSignal.timeout(intentMs / 2));
    return { ...stored, credential, replayed: true };
  }

  /** What an outcome other than `committed` means to the asker. */
  #replay(question: Question, outcome: LedgerOutcome): { grant: Grant; lease: Lease } {
    const key = question.request.idempotencyKey;
    switch (outcome.kind) {
      case 'replayed':
        if (outcome.grant.state === 'active' && outcome.grant.expiresAt > question.now) return outcome;
        throw new ServiceError('GRANT_ENDED', `idempotency_key: the grant of key "${key}" is over; ask with a new key`, { metadata: { grant_id: outcome.grant.id, state: outcome.grant.state } });
      case 'key_reused':
        throw new ServiceError('IDEMPOTENCY_KEY_REUSED', `idempotency_key: "${key}" was used before with another body; choose a new key`, { metadata: { field: 'idempotency_key' } });
      case 'quota_exceeded':
        throw new ServiceError('QUOTA_EXCEEDED', `identity holds ${outcome.live} live grants of "${question.profile.name}" on "${question.resource.id}", as many as it may: release one`, {
          metadata: { live_max: String(outcome.live) },
          retryAfterMs: 5_000,
        });
      default:
        throw new Error(`unexpected ledger outcome ${outcome.kind}`);
    }
  }

  #deny(question: Question, decision: DenyDecision): Promise<ServiceError> {
    const text = `policy denies "${question.profile.name}" on "${question.resource.id}": ${decision.reasons.join('; ')}`;
    const metadata = { resource: question.resource.id, action: question.profile.name, rule_ids: decision.ruleIds.join(','), policy_sha256: decision.policySha256 };
    return this.#refuse(question.asker, question.request, question.traceparent, new ServiceError('GRANT_DENIED', text, { metadata }), {
      rule_ids: decision.ruleIds,
      reasons: decision.reasons,
      policy_sha256: decision.policySha256,
    });
  }

  /** Makes the refusal's record durable, then gives the refusal back to be thrown. */
  async #refuse(asker: Asker, request: AccessRequest, traceparent: string | undefined, error: ServiceError, facts: Record<string, EventValue> = {}): Promise<ServiceError> {
    const requestId = newId('request', this.#parts.clock.now());
    const event: EventDraft = {
      type: 'access.denied',
      actor: actorOf(asker),
      request_id: requestId,
      ...traceOf(traceparent),
      data: { reason: error.reason, resource: request.resource, action: request.action, justification: request.justification, ...facts },
    };
    try {
      await this.#parts.ledger.commit({ events: [event] });
    } catch (cause) {
      // A refusal that cannot be recorded is still a refusal; the store's own failure is what the caller must hear.
      if (isServiceError(cause)) return cause;
      throw cause;
    }
    return new ServiceError(error.reason, error.message, { metadata: { ...error.metadata, request_id: requestId } });
  }
}

/** Step 1's last part: grant and lease as they will stand if they are committed. */
function draftGrant(question: Question, decision: AllowDecision): Draft {
  const { asker, request, profile, provider, now } = question;
  const lifetime = boundLifetime({
    wantedMs: request.ttlMs,
    profileDefaultMs: profile.ttlSecondsDefault * 1_000,
    profileMaxMs: profile.ttlSecondsMax * 1_000,
    policyMaxMs: decision.ttlSecondsMax * 1_000,
    svidExpiresAt: asker.svidExpiresAt,
    renewable: provider.capabilities.renewable,
    now,
  });
  if (lifetime.kind === 'out_of_range') {
    const text = `ttl: ${request.ttlMs ?? 0} ms is not within 1 s and ${lifetime.maxMs / 1_000} s, the most that action "${profile.name}" allows`;
    throw new ServiceError('TTL_OUT_OF_RANGE', text, { metadata: { field: 'ttl', ttl_seconds_max: String(lifetime.maxMs / 1_000) } });
  }
  const grant: Grant = {
    id: newId('grant', now),
    requestId: newId('request', now),
    idempotencyKey: request.idempotencyKey,
    bodySha256: bodyHash(request),
    spiffeId: asker.spiffeId,
    resource: question.resource.id,
    action: profile.name,
    justification: request.justification,
    context: request.context,
    parameters: request.parameters,
    state: 'active',
    decidedAt: now,
    expiresAt: lifetime.grantExpiresAt,
    ruleIds: decision.ruleIds,
    policySha256: decision.policySha256,
    clampedBy: lifetime.clampedBy,
    ...(question.traceparent === undefined ? {} : { traceparent: question.traceparent }),
  };
  return { grant, lease: draftLease(question, grant, lifetime.leaseExpiresAt) };
}

function draftLease({ provider, now }: Question, grant: Grant, expiresAt: UnixMs): Draft['lease'] {
  const id = newId('lease', now);
  return {
    id,
    grantId: grant.id,
    spiffeId: grant.spiffeId,
    provider: provider.name,
    resource: grant.resource,
    entityName: provider.entityName(id),
    createdAt: now,
    expiresAt,
    hardExpiresAt: grant.expiresAt,
    renewable: provider.capabilities.renewable,
    handle: {},
    attempts: 0,
  };
}

function event(question: Question, type: 'grant.issued' | 'grant.decided' | 'lease.activated', grant: Grant, lease: Lease): EventDraft {
  const decided = {
    action: grant.action,
    clamped_by: grant.clampedBy,
    context: grant.context,
    expires_at: grant.expiresAt,
    justification: grant.justification,
    parameters: grant.parameters,
    policy_sha256: grant.policySha256,
    resource: grant.resource,
    rule_ids: grant.ruleIds,
  };
  const issued = { entity_name: lease.entityName, lease_expires_at: lease.expiresAt, provider: lease.provider };
  return {
    type,
    actor: actorOf(question.asker),
    request_id: grant.requestId,
    grant_id: grant.id,
    lease_id: lease.id,
    ...traceOf(question.traceparent),
    data: type === 'lease.activated' ? { ...issued, ...lease.handle } : { ...decided, ...issued },
  };
}

function bodyHash(request: AccessRequest): string {
  const { idempotencyKey: _, ...body } = request;
  return sha256(Buffer.from(canonicalJson(body), 'utf8')).toString('hex');
}

function actorOf(asker: Asker): EventActor {
  return { kind: 'workload', spiffe_id: asker.spiffeId, svid_sha256: asker.svidSha256 };
}

function traceOf(traceparent: string | undefined): Pick<EventDraft, 'trace'> | Record<never, never> {
  const ids = traceIdsOf(traceparent);
  return ids === undefined ? {} : { trace: { trace_id: ids.traceId, span_id: ids.spanId } };
}

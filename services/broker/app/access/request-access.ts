import { canonicalJson } from '@stint/common/canonical-json.ts';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { EventData } from '@stint/common/event-table.ts';
import { newId } from '@stint/common/ids.ts';
import type { Log } from '@stint/common/log.ts';
import { validateAccessFields } from '@stint/common/request-limits.ts';
import { SingleFlight } from '@stint/common/single-flight.ts';
import type { Clock } from '@stint/common/time.ts';
import type { Decision, DenyDecision } from '../../domain/decision.ts';
import type { GrantAndLease } from '../../domain/grant.ts';
import { activeUntil, intentMs, type Lease, targetCallMs } from '../../domain/lease.ts';
import type { Bundles } from '../bundles.ts';
import type { LeaseEnding } from '../ending/end-lease.ts';
import type { StepObserver } from '../ending/steps.ts';
import { measureCreation, measureRequest } from '../grant-metrics.ts';
import { commitChange } from '../lease-record.ts';
import type { Ledger, LedgerOutcome } from '../ports/ledger.ts';
import type { Bundle, PolicyEngine } from '../ports/policy.ts';
import type { Credential, ProviderSet, SigningProvider, TargetProvider } from '../ports/provider.ts';
import {
  type AccessQuestion,
  type AccessRequest,
  type Arrival,
  type Asker,
  findNamed,
} from './access-question.ts';
import {
  failureOf,
  issuedTooLate,
  keyReused,
  policyDenied,
  quotaExceeded,
  replayTooLate,
  stillIssuing,
  targetRefused,
} from './access-refusals.ts';
import type { AuditBacklog } from './audit-backlog.ts';
import { logFailedCall } from './failed-call.ts';
import { actorOf, type Draft, draftGrant, issueEvent, traceOf } from './grant-draft.ts';
import { RefusalRate } from './refusal-rate.ts';

/** Access, with the only copy of the credential. */
export type AccessAnswer = GrantAndLease & {
  readonly credential: Credential;
  readonly replayed: boolean;
};

export type RequestAccessParts = {
  readonly bundles: Bundles;
  readonly providers: ProviderSet;
  readonly ledger: Ledger;
  readonly backlog: AuditBacklog;
  readonly ending: LeaseEnding;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: StepObserver;
};

/** As much of a question as every record of a refusal holds. */
type Asked = Arrival & { readonly asker: Asker; readonly request: AccessRequest };

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
 * CONCURRENT_UPDATE (a replay that another broker is still issuing), AUDIT_UNAVAILABLE, PROVIDER_UNAVAILABLE, STORE_UNAVAILABLE,
 * PEER_UNAUTHENTICATED (its SVID is over), RATE_LIMITED (it was refused too often: {@link RefusalRate}). A denial is answered only after its record is
 * durable.
 */
export class RequestAccess {
  readonly #parts: RequestAccessParts;
  readonly #refusals: RefusalRate;
  /** Requests being created at a target, by holder and key: a retry that comes meanwhile shares the answer. */
  readonly #creating = new SingleFlight<AccessAnswer>();

  constructor(parts: RequestAccessParts) {
    this.#parts = parts;
    this.#refusals = new RefusalRate(parts.clock);
  }

  execute(asker: Asker, request: AccessRequest, arrival: Arrival): Promise<AccessAnswer> {
    return measureRequest(() => this.#answer(asker, request, arrival));
  }

  async #answer(asker: Asker, request: AccessRequest, arrival: Arrival): Promise<AccessAnswer> {
    validateAccessFields(request);
    this.#requireSvid(asker);
    // First, because a refusal is a record too: a flood of denials must not grow a backlog that is full.
    this.#parts.backlog.assertRoom();
    const bundle = this.#parts.bundles.current();
    const question = await this.#find({ asker, request, ...arrival }, bundle);
    const decision = decide(question, bundle.engine);
    if (decision.kind === 'deny') throw await this.#deny(question, decision);
    const draft = await this.#recorded(question, () => draftGrant(question, decision));
    const { provider } = question;
    return provider.mode === 'signs'
      ? this.#issueSigned(question, draft, provider)
      : this.#issueShared(question, draft, provider);
  }

  /** A connection ends with its SVID by timers: a clock that is set forward outruns them. */
  #requireSvid({ svidExpiresAt }: Asker): void {
    if (this.#parts.clock.now() < svidExpiresAt) return;
    throw new ServiceError('PEER_UNAUTHENTICATED', 'the SVID that asks is over: ask with the next one');
  }

  #find(asked: Asked, { registry }: Bundle): Promise<AccessQuestion> {
    const { providers, clock } = this.#parts;
    return this.#recorded(asked, () => {
      const named = findNamed(asked.asker.spiffeId, asked.request, { registry, providers });
      return { ...asked, ...named, now: clock.now() };
    });
  }

  /** Step 2. */
  async #issueSigned(
    question: AccessQuestion,
    { grant, lease: draft }: Draft,
    provider: SigningProvider,
  ): Promise<AccessAnswer> {
    const lease: Lease = {
      ...draft,
      state: 'active',
      deliveredAt: question.now,
      nextAttemptAt: draft.expiresAt,
    };
    const credential = provider.sign(grant, lease, question.profile);
    this.#parts.step('signed');
    const outcome = await this.#parts.ledger.commit({
      insert: { grant, lease },
      events: [issueEvent('grant.issued', question, { grant, lease })],
    });
    this.#parts.step('signed_committed');
    if (outcome.kind === 'committed') return { grant, lease, credential, replayed: false };
    const stored = this.#replay(question, outcome);
    return {
      ...stored,
      credential: provider.sign(stored.grant, stored.lease, question.profile),
      replayed: true,
    };
  }

  /** Steps 3 to 5, once for all who ask with the same key while they run. */
  async #issueShared(
    question: AccessQuestion,
    draft: Draft,
    provider: TargetProvider,
  ): Promise<AccessAnswer> {
    const { grant } = draft;
    const key = canonicalJson([grant.spiffeId, grant.idempotencyKey, grant.bodySha256]);
    let isFirst = false;
    const answer = await this.#creating.run(key, () => {
      isFirst = true;
      return this.#issueCreated(question, draft, provider);
    });
    return isFirst ? answer : { ...answer, replayed: true };
  }

  async #issueCreated(
    question: AccessQuestion,
    { grant, lease: draft }: Draft,
    provider: TargetProvider,
  ): Promise<AccessAnswer> {
    const intent: Lease = { ...draft, state: 'intent', nextAttemptAt: question.now + intentMs };
    // Only what stands at a target is counted: a target has room for so many users, a signature takes none.
    const insert = { grant, lease: intent, liveMax: question.profile.maxLivePerIdentity };
    const outcome = await this.#parts.ledger.commit({
      insert,
      events: [issueEvent('grant.decided', question, { grant, lease: intent })],
    });
    if (outcome.kind === 'quota_exceeded')
      throw await this.#refuse(question, quotaExceeded(question, outcome.live), {});
    if (outcome.kind !== 'committed') return this.#remint(question, outcome, provider);
    this.#parts.step('intent_committed');
    const intended = { grant, lease: intent };
    const { credential, handle } = await this.#create(question, intended, provider);
    this.#parts.step('created');
    const active = await this.#activate(question, intended, handle);
    this.#parts.step('activated');
    return { ...active, credential, replayed: false };
  }

  /** Step 4. A failure is recorded before it is told: nothing at the target without a lease that says so. */
  async #create(
    question: AccessQuestion,
    intended: GrantAndLease,
    provider: TargetProvider,
  ): Promise<{ credential: Credential; handle: Readonly<Record<string, string>> }> {
    const { grant, lease } = intended;
    try {
      return await measureCreation(provider.name, () =>
        provider.create(lease, question, AbortSignal.timeout(targetCallMs)),
      );
    } catch (cause) {
      logFailedCall(this.#parts.log, 'create', { ...intended, cause });
      const failure = failureOf(cause);
      if (failure.kind === 'ambiguous') await this.#parts.ending.outcomeUnknown(intended, failure.code);
      else await this.#parts.ending.creationFailed(intended, failure.code);
      throw targetRefused(question, grant, cause);
    }
  }

  /** Step 5. Losing the race against the sweeper means that the entity is being removed: it is not delivered. */
  async #activate(
    question: AccessQuestion,
    intended: GrantAndLease,
    handle: Lease['handle'],
  ): Promise<GrantAndLease> {
    const { grant, lease: intent } = intended;
    const now = this.#parts.clock.now();
    const delivered = question.delivery === 'unacknowledged' ? { deliveredAt: now } : {};
    const set = { ...delivered, handle, nextAttemptAt: activeUntil({ ...intent, ...delivered }, now) };
    const active = await commitChange(this.#parts.ledger, intended, {
      lease: { id: intent.id, from: ['intent'], to: 'active', set },
      events: [issueEvent('lease.activated', question, { grant, lease: { ...intent, handle } })],
    });
    if (active === undefined) throw issuedTooLate(question, grant);
    return active;
  }

  async #remint(
    question: AccessQuestion,
    outcome: LedgerOutcome,
    provider: TargetProvider,
  ): Promise<AccessAnswer> {
    const stored = this.#replay(question, outcome);
    if (stored.lease.state === 'intent') throw await this.#interrupted(question, stored, provider);
    const signal = AbortSignal.timeout(targetCallMs);
    try {
      const credential = await provider.remint(stored.lease, question.resource, signal);
      return { ...stored, credential, replayed: true };
    } catch (cause) {
      logFailedCall(this.#parts.log, 'remint', { ...stored, cause });
      throw targetRefused(question, stored.grant, cause);
    }
  }

  /**
   * A replay that meets an intent of this broker's own: nobody is at it any more, or this call would share his answer. He
   * died, or could not commit what he had made; it is cleared up from here on. Another broker may still be at its own.
   */
  async #interrupted(
    { request }: AccessQuestion,
    stored: GrantAndLease,
    provider: TargetProvider,
  ): Promise<ServiceError> {
    const { grant, lease } = stored;
    if (provider.entityName(lease.id) !== lease.entityName) return stillIssuing(grant);
    const now = await this.#parts.ending.outcomeUnknown(stored, 'interrupted');
    if (now.lease.state === 'intent') return stillIssuing(grant);
    return replayTooLate(request.idempotencyKey, now.grant);
  }

  /** What an outcome other than `committed` means to the asker. */
  #replay({ request, now }: AccessQuestion, outcome: LedgerOutcome): GrantAndLease {
    if (outcome.kind === 'key_reused') throw keyReused(request.idempotencyKey);
    if (outcome.kind !== 'replayed') throw new Error(`unexpected ledger outcome ${outcome.kind}`);
    const { grant, lease } = outcome;
    if (grant.state !== 'active' || lease.expiresAt <= now)
      throw replayTooLate(request.idempotencyKey, grant);
    return { grant, lease };
  }

  #deny(question: AccessQuestion, decision: DenyDecision): Promise<ServiceError> {
    const { reasons, ruleIds, policySha256 } = decision;
    const facts = { rule_ids: ruleIds, reasons, policy_sha256: policySha256 };
    return this.#refuse(question, policyDenied(question, decision), facts);
  }

  /** Does a step that may refuse: its refusal is on record before it is thrown. */
  async #recorded<Result>(asked: Asked, step: () => Result): Promise<Result> {
    try {
      return step();
    } catch (thrown) {
      throw isServiceError(thrown) ? await this.#refuse(asked, thrown, {}) : thrown;
    }
  }

  /**
   * Makes the refusal's record durable, then gives the refusal back, to be thrown.
   * @throws ServiceError RATE_LIMITED in place of a refusal beyond the identity's rate, which is only counted.
   */
  async #refuse(
    asked: Asked,
    error: ServiceError,
    facts: Partial<EventData<'access.denied'>>,
  ): Promise<ServiceError> {
    const { asker, request, traceparent } = asked;
    const requestId = newId('request', this.#parts.clock.now());
    const { resource, action, justification } = request;
    const said = { reason: error.reason, resource, action, justification, ...facts };
    const { trace } = traceOf(traceparent);
    const about = { actor: actorOf(asker), request_id: requestId, ...(trace === undefined ? {} : { trace }) };
    await this.#refusals.record(asker.spiffeId, (unrecorded) => {
      const data: EventData<'access.denied'> = unrecorded === 0 ? said : { ...said, unrecorded };
      return this.#parts.ledger.commit({ events: [{ type: 'access.denied', ...about, data }] });
    });
    const { cause, retryAfterMs } = error;
    return new ServiceError(error.reason, error.message, {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      cause,
      metadata: {
        ...error.metadata,
        request_id: requestId,
        ...(trace === undefined ? {} : { trace_id: trace.trace_id }),
      },
    });
  }
}

function decide(
  { request, identity, resource, profile, now }: AccessQuestion,
  engine: PolicyEngine,
): Decision {
  const { justification, context, parameters } = request;
  const declared = { justification, context, parameters };
  return engine.decide({ identity, resource, profile, declared, verified: {}, now });
}

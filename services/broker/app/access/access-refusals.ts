import { ServiceError } from '@stint/common/errors.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import type { DenyDecision } from '../../domain/decision.ts';
import type { Grant } from '../../domain/grant.ts';
import { ProviderFailure, type TargetPlace } from '../ports/provider.ts';
import type { AccessQuestion } from './access-question.ts';

/** Policy's no, in its own words. */
export function policyDenied({ resource, profile }: TargetPlace, decision: DenyDecision): ServiceError {
  const { reasons, ruleIds, policySha256 } = decision;
  const text = `policy denies "${profile.name}" on "${resource.id}": ${reasons.join('; ')}`;
  const metadata = {
    resource: resource.id,
    action: profile.name,
    rule_ids: ruleIds.join(','),
    policy_sha256: policySha256,
  };
  return new ServiceError('GRANT_DENIED', text, { metadata });
}

/** The holder has as many live grants of this action as it may. */
export function quotaExceeded({ resource, profile }: TargetPlace, live: number): ServiceError {
  return new ServiceError(
    'QUOTA_EXCEEDED',
    `identity holds ${live} live grants of "${profile.name}" on "${resource.id}", as many as it may: release one`,
    { metadata: { live_max: String(live) }, retryAfterMs: 5_000 },
  );
}

/** The same key with another body. */
export function keyReused(key: string): ServiceError {
  return new ServiceError(
    'IDEMPOTENCY_KEY_REUSED',
    `idempotency_key: "${key}" was used before with another body; choose a new key`,
    { metadata: { field: 'idempotency_key' } },
  );
}

/** A replay that comes after the end. */
export function replayTooLate(key: string, grant: Grant): ServiceError {
  return new ServiceError(
    'GRANT_ENDED',
    `idempotency_key: the grant of key "${key}" is over; ask with a new key`,
    { metadata: { grant_id: grant.id, state: grant.state } },
  );
}

/** A replay that comes before the credential exists, which another broker is making. */
export function stillIssuing(grant: Grant): ServiceError {
  return new ServiceError(
    'CONCURRENT_UPDATE',
    'idempotency_key: the grant of this key is still being issued',
    { retryAfterMs: 500, metadata: { grant_id: grant.id } },
  );
}

/** The target failed, or the provider did: the asker learns a code, never a text. */
export function targetRefused(
  { resource, provider }: AccessQuestion,
  grant: Grant,
  cause: unknown,
): ServiceError {
  const code = failureOf(cause).code;
  return new ServiceError(
    'PROVIDER_UNAVAILABLE',
    `issuing for "${resource.id}" failed: target "${provider.name}" did not take the credential (${code}); nothing was handed out`,
    {
      metadata: { resource: resource.id, provider: provider.name, code, ...recordIdsOf(grant) },
      retryAfterMs: 1_000,
      cause,
    },
  );
}

/** The sweeper took an intent back before its credential was there. */
export function issuedTooLate({ resource, provider }: AccessQuestion, grant: Grant): ServiceError {
  return new ServiceError(
    'PROVIDER_UNAVAILABLE',
    `issuing for "${resource.id}" failed: it took too long and was taken back`,
    {
      metadata: { resource: resource.id, provider: provider.name, ...recordIdsOf(grant) },
      retryAfterMs: 1_000,
    },
  );
}

/** The ids by which the records of a grant that came to nothing are found, and the trace it was asked for in. */
function recordIdsOf({ id, requestId, traceparent }: Grant): Record<string, string> {
  const trace = traceIdsOf(traceparent);
  return {
    request_id: requestId,
    grant_id: id,
    ...(trace === undefined ? {} : { trace_id: trace.trace_id }),
  };
}

/** How a provider failed. What it threw without saying so may have come after it had acted. */
export function failureOf(cause: unknown): ProviderFailure {
  return cause instanceof ProviderFailure ? cause : new ProviderFailure('ambiguous', 'unexpected', { cause });
}

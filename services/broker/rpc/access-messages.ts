import type { Credential as CredentialMessage } from '@stint/common/gen/stint/broker/v1/Credential.ts';
import type { Grant as GrantMessage } from '@stint/common/gen/stint/broker/v1/Grant.ts';
import type { Lease as LeaseMessage } from '@stint/common/gen/stint/broker/v1/Lease.ts';
import type { RequestAccessRequest__Output } from '@stint/common/gen/stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse } from '@stint/common/gen/stint/broker/v1/RequestAccessResponse.ts';
import { fromDuration, toTimestamp } from '@stint/common/proto-time.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import type { AccessRequest } from '../app/access/access-question.ts';
import type { AccessAnswer } from '../app/access/request-access.ts';
import type { GrantAndLeases } from '../app/ending/end-grant.ts';
import type { Credential } from '../app/ports/provider.ts';
import type { Grant } from '../domain/grant.ts';
import type { Lease } from '../domain/lease.ts';

/**
 * The question as the use case takes it. Attacker-controlled: sizes and characters are checked there.
 * @throws ServiceError INVALID_FIELD for a duration that is none.
 */
export function fromAccessRequest(message: RequestAccessRequest__Output): AccessRequest {
  const ttlMs = fromDuration(message.ttl, 'ttl');
  return {
    idempotencyKey: message.idempotencyKey,
    resource: message.resource,
    action: message.action,
    ...(ttlMs === undefined ? {} : { ttlMs }),
    justification: message.justification,
    context: message.context,
    parameters: message.parameters,
  };
}

/** The answer with its credential: the one place in the broker where a secret becomes a message. */
export function toAccessResponse(answer: AccessAnswer): RequestAccessResponse {
  return {
    grant: toGrantMessage(answer.grant),
    lease: toLeaseMessage(answer.lease),
    credential: toCredentialMessage(answer.credential),
    replayed: answer.replayed,
  };
}

export function toGrantMessage(grant: Grant): GrantMessage {
  return {
    id: grant.id,
    requestId: grant.requestId,
    spiffeId: grant.spiffeId,
    resource: grant.resource,
    action: grant.action,
    state: grant.state,
    decidedAt: toTimestamp(grant.decidedAt),
    expiresAt: toTimestamp(grant.expiresAt),
    ruleIds: [...grant.ruleIds],
    policySha256: grant.policySha256,
    clampedBy: [...grant.clampedBy],
    justification: grant.justification,
    endReason: grant.endReason ?? '',
    endedAt: toTimestamp(grant.endedAt),
    traceId: traceIdsOf(grant.traceparent)?.trace_id ?? '',
  };
}

export function toLeaseMessage(lease: Lease): LeaseMessage {
  return {
    id: lease.id,
    grantId: lease.grantId,
    provider: lease.provider,
    entityName: lease.entityName,
    state: lease.state,
    expiresAt: toTimestamp(lease.expiresAt),
    hardExpiresAt: toTimestamp(lease.hardExpiresAt),
    renewable: lease.renewable,
    containedAt: toTimestamp(lease.containedAt),
    revokedAt: toTimestamp(lease.revokedAt),
    lastError: lease.lastError ?? '',
    attempts: lease.attempts,
  };
}

/** A grant and its leases, as every answer has them that tells of both. */
export function toGrantAndLeases({ grant, leases }: GrantAndLeases): {
  readonly grant: GrantMessage;
  readonly leases: LeaseMessage[];
} {
  return { grant: toGrantMessage(grant), leases: leases.map(toLeaseMessage) };
}

function toCredentialMessage(credential: Credential): CredentialMessage {
  switch (credential.kind) {
    case 'token':
      return { token: { token: credential.token.revealText(), tokenType: 'Bearer' } };
    case 'database': {
      const { kind: _, password, ...place } = credential;
      return { database: { ...place, password: password.revealText() } };
    }
  }
}

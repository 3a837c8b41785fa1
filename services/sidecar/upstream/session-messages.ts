import { ServiceError } from '@stint/common/errors.ts';
import type { ClientMessage } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { EndedLease__Output } from '@stint/common/gen/stint/broker/v1/EndedLease.ts';
import type { RenewLeaseResponse__Output } from '@stint/common/gen/stint/broker/v1/RenewLeaseResponse.ts';
import type { CredentialView__Output } from '@stint/common/gen/stint/sidecar/v1/CredentialView.ts';
import type { LeaseView__Output } from '@stint/common/gen/stint/sidecar/v1/LeaseView.ts';
import { type Id, isId, type LeaseId, parseId } from '@stint/common/ids.ts';
import { codecs } from '@stint/common/proto.ts';
import { fromTimestamp, type ProtoTime, toDuration } from '@stint/common/proto-time.ts';
import type { AccessFields } from '@stint/common/request-limits.ts';
import { Secret } from '@stint/common/secret.ts';
import type { UnixMs } from '@stint/common/time.ts';
import type { Access, AnsweredAccess, EndedLease, RenewedLease } from '../app/ports.ts';

/** Longest answer that is kept, in bytes: a grant and its credential have 1 to 2 KB, and seldom many rules that decided. */
export const answerBytesMax = 65_536;

/** Longest renewed lease, in bytes: ids, times and two names. It is kept beside the answer. */
export const renewedBytesMax = 4_096;

/** Longest reason of an end, in bytes: one word. Events that wait for a workload keep it. */
const endReasonBytesMax = 64;

/** A question's body, as the contract carries it. */
export type QuestionBody = Omit<ClientMessage, 'id' | 'traceparent' | 'body'>;

/** The question that asks for access. */
export function accessQuestion(fields: AccessFields): QuestionBody {
  const { idempotencyKey, resource, action, justification, context, parameters, ttlMs } = fields;
  const request = { idempotencyKey, resource, action, justification, ttl: toDuration(ttlMs) };
  return { requestAccess: { ...request, context: { ...context }, parameters: { ...parameters } } };
}

/** Bytes of a question on the wire, at most: names and lengths of its fields are counted generously. */
export function questionBytes(body: QuestionBody): number {
  const asked = body.requestAccess;
  if (asked === undefined || asked === null) return 256;
  const { idempotencyKey = '', resource = '', action = '', justification = '' } = asked;
  let bytes = 256;
  for (const text of [idempotencyKey, resource, action, justification]) bytes += Buffer.byteLength(text);
  for (const entries of [asked.context ?? {}, asked.parameters ?? {}])
    for (const [key, value] of Object.entries(entries)) bytes += 16 + key.length + Buffer.byteLength(value);
  return bytes;
}

/**
 * Access as the sidecar keeps it: what it acts on is read, the rest goes to the workload as it came. The broker is
 * trusted, its answer is not assumed to be whole. `answer`: the bytes of a RequestAccessResponse, which are copied.
 * @throws ServiceError INTERNAL when a part that is read is missing or malformed, or it is longer than
 * {@link answerBytesMax}. Its grant then ends as one that was not delivered.
 */
export function readAccess(answer: Buffer): AnsweredAccess {
  requireSize('answer', answer.length, answerBytesMax);
  const { grant, lease, credential, replayed } = asBrokerWord(() => codecs.accessView.decode(answer));
  if (grant === null || lease === null) throw malformed('grant or lease');
  return {
    access: { credentialKind: readKind(credential), answer: new Secret(answer) },
    bytes: answer.length,
    grantId: requireId('grant', grant.id, 'grant.id'),
    leaseId: requireId('lease', lease.id, 'lease.id'),
    decidedAt: requireTime(grant.decidedAt, 'grant.decided_at'),
    ...readLeaseTimes(lease),
    replayed,
  };
}

/** A renewed lease. @throws ServiceError INTERNAL when it is missing, malformed, another one or too long. */
export function readRenewed(answer: RenewLeaseResponse__Output | null, asked: LeaseId): RenewedLease {
  const lease = answer?.lease;
  if (lease?.id !== asked) throw malformed('lease');
  requireSize('lease', codecs.acquireResponse.encode({ lease }).length, renewedBytesMax);
  const renewedAt = asBrokerWord(() => fromTimestamp(answer?.renewedAt ?? null, 'renewed_at'));
  return { lease, renewedAt, ...readLeaseTimes(lease) };
}

/** Pushed ends, each by itself: one that is malformed must not keep another from being heard. `faults`: what is wrong with those. */
export function readEnded(leases: readonly EndedLease__Output[]): {
  readonly ended: readonly EndedLease[];
  readonly faults: readonly unknown[];
} {
  const [ended, faults]: [EndedLease[], unknown[]] = [[], []];
  for (const lease of leases) {
    try {
      ended.push(readEndedLease(lease));
    } catch (fault) {
      faults.push(fault);
    }
  }
  return { ended, faults };
}

function readEndedLease(ended: EndedLease__Output): EndedLease {
  return {
    leaseId: asBrokerWord(() => parseId('lease', ended.leaseId, 'lease_id')),
    grantId: asBrokerWord(() => parseId('grant', ended.grantId, 'grant_id')),
    expiresAt: requireTime(ended.expiresAt, 'expires_at'),
    // The end itself must be heard, whatever its reason is.
    reason: Buffer.byteLength(ended.reason) <= endReasonBytesMax ? ended.reason : 'unreadable',
  };
}

function readLeaseTimes(lease: LeaseView__Output): {
  expiresAt: UnixMs;
  hardExpiresAt: UnixMs;
  renewable: boolean;
} {
  return {
    expiresAt: requireTime(lease.expiresAt, 'lease.expires_at'),
    hardExpiresAt: requireTime(lease.hardExpiresAt, 'lease.hard_expires_at'),
    renewable: lease.renewable,
  };
}

function readKind(credential: CredentialView__Output | null): Access['credentialKind'] {
  if (credential?.kind === undefined) throw malformed('credential');
  return credential.kind;
}

// Its text is not told: it may be anything, a secret in the wrong place too.
function requireId<Kind extends 'grant' | 'lease'>(kind: Kind, text: string, field: string): Id<Kind> {
  if (!isId(kind, text)) throw malformed(field);
  return text;
}

function requireTime(time: ProtoTime | null, field: string): UnixMs {
  const moment = asBrokerWord(() => fromTimestamp(time, field));
  if (moment === undefined) throw malformed(field);
  return moment;
}

function requireSize(what: 'answer' | 'lease', bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new ServiceError(
    'INTERNAL',
    `the broker's ${what} has ${bytes} bytes: at most ${bytesMax} are kept`,
    {
      metadata: { bytes: String(bytes), bytes_max: String(bytesMax) },
    },
  );
}

// What is wrong in the broker's word is not the workload's INVALID_FIELD.
function asBrokerWord<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ServiceError('INTERNAL', 'the broker answered with something malformed', { cause });
  }
}

function malformed(field: string): ServiceError {
  return new ServiceError('INTERNAL', `the broker's answer has no usable ${field}`, { metadata: { field } });
}

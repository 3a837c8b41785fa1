/**
 * Every reason with which a Stint service refuses or fails, its gRPC code and whether the same call may be tried again.
 * Callers act on the reason, never on the text. The set only grows; a reason never changes its meaning.
 * Source for the shape: AIP-193 (one ErrorInfo per status, reason in UPPER_SNAKE_CASE, at most 63 characters).
 */
export const errorReasons = {
  // The caller's input is wrong: the same call will fail again.
  INVALID_FIELD: {
    code: 'INVALID_ARGUMENT',
    retry: false,
    meaning: 'a field is missing, malformed or over its limit',
  },
  TTL_OUT_OF_RANGE: {
    code: 'INVALID_ARGUMENT',
    retry: false,
    meaning: 'the wanted lifetime is zero, negative or above the maximum',
  },
  MESSAGE_TOO_LARGE: {
    code: 'INVALID_ARGUMENT',
    retry: false,
    meaning: 'the message or one of its fields is over its size limit',
  },
  IDEMPOTENCY_KEY_REUSED: {
    code: 'ALREADY_EXISTS',
    retry: false,
    meaning: 'the idempotency key was used before with another body',
  },
  // The caller is not who it must be, or may not do this.
  PEER_UNAUTHENTICATED: {
    code: 'UNAUTHENTICATED',
    retry: false,
    meaning: 'no acceptable X.509-SVID was presented',
  },
  ATTESTATION_FAILED: {
    code: 'UNAUTHENTICATED',
    retry: false,
    meaning: 'the proof of identity was not accepted',
  },
  METHOD_NOT_ALLOWED: {
    code: 'PERMISSION_DENIED',
    retry: false,
    meaning: 'this caller may not call this method',
  },
  GRANT_DENIED: { code: 'PERMISSION_DENIED', retry: false, meaning: 'policy denied the request' },
  IDENTITY_UNKNOWN: { code: 'PERMISSION_DENIED', retry: false, meaning: 'the SPIFFE ID is not registered' },
  IDENTITY_SUSPENDED: {
    code: 'PERMISSION_DENIED',
    retry: false,
    meaning: 'the identity is suspended or retired',
  },
  // The thing named is not there, or not in the state that the call needs.
  RESOURCE_NOT_FOUND: { code: 'NOT_FOUND', retry: false, meaning: 'no such resource' },
  PROFILE_NOT_FOUND: { code: 'NOT_FOUND', retry: false, meaning: 'the resource has no such action' },
  GRANT_NOT_FOUND: { code: 'NOT_FOUND', retry: false, meaning: "no such grant, or not the caller's" },
  LEASE_NOT_FOUND: { code: 'NOT_FOUND', retry: false, meaning: "no such lease, or not the caller's" },
  RECORD_NOT_FOUND: { code: 'NOT_FOUND', retry: false, meaning: 'no such audit record' },
  GRANT_ENDED: {
    code: 'FAILED_PRECONDITION',
    retry: false,
    meaning: 'the grant is completed, revoked or expired',
  },
  LEASE_NOT_RENEWABLE: {
    code: 'FAILED_PRECONDITION',
    retry: false,
    meaning: 'the lease is at its absolute end, ending, or of a kind that is asked for anew',
  },
  TOKEN_INVALID: {
    code: 'FAILED_PRECONDITION',
    retry: false,
    meaning: 'the presented grant token does not verify',
  },
  POLICY_INVALID: {
    code: 'FAILED_PRECONDITION',
    retry: false,
    meaning: 'the policy or registry bundle was refused; the running one is untouched',
  },
  STORE_IN_USE: {
    code: 'FAILED_PRECONDITION',
    retry: false,
    meaning: 'another process holds this store or this broker name',
  },
  GAP_NOT_SKIPPABLE: {
    code: 'FAILED_PRECONDITION',
    retry: false,
    meaning: 'the log cannot go on after this gap, or not yet',
  },
  // Try again, later or after reading anew.
  CONCURRENT_UPDATE: {
    code: 'ABORTED',
    retry: true,
    meaning: 'somebody else changed the same thing: read and try again',
  },
  RATE_LIMITED: { code: 'RESOURCE_EXHAUSTED', retry: true, meaning: 'too many at once or too soon' },
  QUOTA_EXCEEDED: {
    code: 'RESOURCE_EXHAUSTED',
    retry: true,
    meaning: 'the identity holds as many live leases of this profile as it may',
  },
  PROVIDER_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    retry: true,
    meaning: 'the target did not take the credential; nothing was handed out',
  },
  AUDIT_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    retry: true,
    meaning: 'the audit backlog is at its limit: no audit, no grant',
  },
  STORE_UNAVAILABLE: { code: 'UNAVAILABLE', retry: true, meaning: 'the store did not commit' },
  BROKER_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    retry: true,
    meaning: 'no broker answers, or the sidecar has no session with one',
  },
  SIDECAR_UNAVAILABLE: { code: 'UNAVAILABLE', retry: true, meaning: 'the sidecar does not answer' },
  AUDITOR_UNAVAILABLE: { code: 'UNAVAILABLE', retry: true, meaning: 'the auditor does not answer' },
  IDENTITY_NOT_READY: { code: 'UNAVAILABLE', retry: true, meaning: 'the sidecar has no valid SVID yet' },
  SHUTTING_DOWN: { code: 'UNAVAILABLE', retry: true, meaning: 'the service is stopping' },
  DEADLINE_EXCEEDED: {
    code: 'DEADLINE_EXCEEDED',
    retry: true,
    meaning: 'the answer was not ready in time; the same idempotency key gives the same answer',
  },
  // Our own fault. The text is fixed; the cause stands in the service's log under the request id.
  INTERNAL: { code: 'INTERNAL', retry: false, meaning: 'an unexpected fault' },
} as const;

/** A stable, public cause of refusal. */
export type ErrorReason = keyof typeof errorReasons;

/** Longest text and metadata value that leaves a service, in characters. Longer ones are cut and end in an ellipsis. */
export const errorTextMax = 1_024;

type ServiceErrorOptions = {
  /** Public facts about the refusal: field names, limits, ids. Never a credential, token or raw evidence. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When the caller may try again, in milliseconds from now. */
  readonly retryAfterMs?: number;
  /** What really happened, for the log only. */
  readonly cause?: unknown;
};

/**
 * A refusal or failure that a caller may see. `message` is public: lower-case start, no full stop, values quoted,
 * "what: why; what to do". Anything else that is thrown is a fault of ours and leaves the service as INTERNAL.
 */
export class ServiceError extends Error {
  readonly reason: ErrorReason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(reason: ErrorReason, publicMessage: string, options: ServiceErrorOptions = {}) {
    super(cut(publicMessage), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ServiceError';
    this.reason = reason;
    const entries = Object.entries(options.metadata ?? {}).map(([key, value]) => [key, cut(value)]);
    this.metadata = Object.freeze(Object.fromEntries(entries) as Record<string, string>);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whether the thing thrown is a refusal with one of these reasons (any reason when none is named). */
export function isServiceError(thrown: unknown, ...reasons: ErrorReason[]): thrown is ServiceError {
  return thrown instanceof ServiceError && (reasons.length === 0 || reasons.includes(thrown.reason));
}

function cut(text: string): string {
  return text.length <= errorTextMax ? text : `${text.slice(0, errorTextMax - 1)}…`;
}

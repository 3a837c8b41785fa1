import type { ErrorReason } from '@stint/common/errors.ts';

/** Every exit code of the command line's own; `exec` passes its command's code on, and `audit verify` the verifier's. */
export const exitCodes = {
  ok: { code: 0, meaning: 'done' },
  error: { code: 1, meaning: 'it failed' },
  usage: { code: 2, meaning: 'the command or a value was wrong; nothing was done' },
  denied: {
    code: 3,
    meaning:
      'policy says no; or identity, resource or action are not registered, or the identity is suspended',
  },
  unauthenticated: { code: 4, meaning: 'the identity is not proved (yet)' },
  ended: { code: 6, meaning: 'the grant has expired or was revoked' },
  notExecutable: { code: 126, meaning: 'exec: the command may not be executed' },
  notFound: { code: 127, meaning: 'exec: there is no such command' },
  signal: { code: 128, meaning: 'exec: 128 + n, the command died of signal n' },
} as const;

export type ExitName = keyof typeof exitCodes;

const byReason: Partial<Record<ErrorReason, ExitName>> = {
  INVALID_FIELD: 'usage',
  TTL_OUT_OF_RANGE: 'usage',
  MESSAGE_TOO_LARGE: 'usage',
  GRANT_DENIED: 'denied',
  IDENTITY_UNKNOWN: 'denied',
  IDENTITY_SUSPENDED: 'denied',
  RESOURCE_NOT_FOUND: 'denied',
  PROFILE_NOT_FOUND: 'denied',
  PEER_UNAUTHENTICATED: 'unauthenticated',
  ATTESTATION_FAILED: 'unauthenticated',
  IDENTITY_NOT_READY: 'unauthenticated',
  GRANT_ENDED: 'ended',
};

/** The exit code that a service's refusal ends the command with. */
export function exitCodeOf(reason: ErrorReason): number {
  return exitCodes[byReason[reason] ?? 'error'].code;
}

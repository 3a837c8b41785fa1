import { type GrantId, isId, type LeaseId } from '@stint/common/ids.ts';
import { type SpiffeId, spiffeIdFault } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** How far a verifier's clock may be from the broker's, in milliseconds. */
export const clockLeewayMs = 5_000;

/** Which check a token failed. Stable: callers may act on it. */
export const tokenChecks = [
  'form', // not a compact JWS of a grant token, or a claim is missing or malformed
  'algorithm', // signed with an algorithm that is not on the list
  'key', // its key is not one of the broker's
  'signature',
  'issuer',
  'audience',
  'not_yet_valid',
  'expired',
  'ended', // the lease ended before its time
  'presenter', // presented by somebody else than its holder
  'action',
] as const;
export type TokenCheck = (typeof tokenChecks)[number];

/** What a grant token says, once its signature and form are good. */
export type GrantClaims = {
  readonly issuer: string;
  readonly holder: SpiffeId;
  readonly resource: string;
  /** Actions parted by single spaces. */
  readonly scope: string;
  readonly grantId: GrantId;
  readonly leaseId: LeaseId;
  readonly issuedAt: UnixMs;
  readonly notBefore: UnixMs;
  readonly expiresAt: UnixMs;
};

/** What the asker of a verification expects, and what this verifier knows. */
export type TokenExpectation = {
  readonly issuer: string;
  readonly audience: string;
  /** Undefined: not checked. */
  readonly presenter: SpiffeId | undefined;
  /** Undefined: any. */
  readonly action: string | undefined;
  readonly hasEnded: (leaseId: LeaseId) => boolean;
};

/**
 * Reads the claims of a token whose signature is good. The broker signed them, but a verifier trusts no shape.
 * Undefined when one is missing or malformed. Source: RFC 9068 §2.2; `jti` is the lease, `scope` the actions.
 */
export function readGrantClaims(payload: Readonly<Record<string, unknown>>): GrantClaims | undefined {
  const { iss, sub, aud, jti, scope, grant_id: grantId, iat, nbf = iat, exp } = payload;
  if (!isText(iss) || !isText(sub) || !isText(aud) || !isText(jti) || !isText(scope) || !isText(grantId))
    return undefined;
  if (!isSeconds(iat) || !isSeconds(nbf) || !isSeconds(exp)) return undefined;
  if (spiffeIdFault(sub) !== undefined || !isId('lease', jti) || !isId('grant', grantId)) return undefined;
  return {
    issuer: iss,
    holder: sub as SpiffeId,
    resource: aud,
    scope,
    grantId,
    leaseId: jti,
    issuedAt: iat * 1_000,
    notBefore: nbf * 1_000,
    expiresAt: exp * 1_000,
  };
}

/** The first check that the claims fail, or undefined when the token is good now. */
export function failedCheck(
  claims: GrantClaims,
  expected: TokenExpectation,
  now: UnixMs,
): TokenCheck | undefined {
  if (claims.issuer !== expected.issuer) return 'issuer';
  if (claims.resource !== expected.audience) return 'audience';
  if (now + clockLeewayMs < claims.notBefore) return 'not_yet_valid';
  if (now - clockLeewayMs >= claims.expiresAt) return 'expired';
  if (expected.hasEnded(claims.leaseId)) return 'ended';
  if (expected.presenter !== undefined && expected.presenter !== claims.holder) return 'presenter';
  if (expected.action !== undefined && !claims.scope.split(' ').includes(expected.action)) return 'action';
  return undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 2_048;
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 && value < 253_402_300_800;
}

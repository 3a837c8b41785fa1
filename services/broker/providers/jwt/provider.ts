import type { LeaseId } from '@stint/common/ids.ts';
import { Secret } from '@stint/common/secret.ts';
import type { Credential, SigningProvider } from '../../app/ports/provider.ts';
import type { Grant } from '../../domain/grant.ts';
import type { Lease } from '../../domain/lease.ts';
import type { Profile, Resource } from '../../domain/registry.ts';
import { signToken } from './sign-token.ts';
import { type SigningKeys, tokenSecondsMax } from './signing-keys.ts';

/** How far `nbf` lies before `iat`, in seconds: a verifier's clock may be behind ours by as much. */
export const notBeforeSeconds = 30;

/** Longest audience and scope, in characters. */
const wordLengthMax = 256;

export type JwtProviderOptions = {
  /** Instance name in the catalog. */
  readonly name: string;
  /** The `iss` claim, an https URL without query or fragment. Source: RFC 8414 §2. */
  readonly issuer: string;
  readonly keys: SigningKeys;
};

/**
 * Leases as signed access tokens in the form of RFC 9068; nothing is created anywhere.
 *
 * A token ends by its `exp`. Ending it sooner takes effect at verifiers that hear of it (Stint's sidecars do, within
 * the push of a revocation); one that only checks the signature accepts the token until `exp`. See README.md.
 */
export class JwtProvider implements SigningProvider {
  readonly mode = 'signs';
  readonly kind = 'jwt';
  readonly name: string;
  readonly #issuer: string;
  readonly #keys: SigningKeys;

  constructor(options: JwtProviderOptions) {
    this.name = options.name;
    this.#issuer = options.issuer;
    this.#keys = options.keys;
  }

  /** The lease's id itself: it is the token's `jti`. */
  entityName(leaseId: LeaseId): string {
    return leaseId;
  }

  profileFaults(resource: Resource, profile: Profile): readonly string[] {
    const { audience, scope } = profile.settings;
    const unknown = Object.keys(profile.settings).filter((key) => key !== 'audience' && key !== 'scope');
    const candidates: readonly (string | false)[] = [
      ...Object.keys(resource.target).map(
        (key) => `target "${key.slice(0, 64)}" is not known: a token has no target`,
      ),
      ...unknown.map((key) => `setting "${key.slice(0, 64)}" is not known; known are audience, scope`),
      audience !== undefined &&
        !isAudience(audience) &&
        `setting "audience" must be one name of 1 to ${wordLengthMax} printable characters without spaces`,
      scope !== undefined &&
        !isScope(scope) &&
        `setting "scope" must be words parted by single spaces, ${wordLengthMax} characters at most`,
      profile.ttlSecondsMax > tokenSecondsMax &&
        `ttlMax: a token cannot be ended at once everywhere, so it lives ${tokenSecondsMax} seconds at most`,
    ];
    return candidates.filter((fault) => fault !== false);
  }

  /** Times are whole seconds, cut so that the token never outlives its lease. The same lease gives the same claims. */
  sign(grant: Grant, lease: Lease, profile: Profile): Credential {
    const issuedAt = Math.floor(lease.createdAt / 1_000);
    const audience = profile.settings['audience'] ?? lease.resource;
    const claims = {
      iss: this.#issuer,
      sub: lease.spiffeId,
      aud: audience,
      exp: Math.floor(lease.expiresAt / 1_000),
      iat: issuedAt,
      nbf: issuedAt - notBeforeSeconds,
      jti: lease.id,
      client_id: lease.spiffeId,
      scope: profile.settings['scope'] ?? grant.action,
      grant_id: grant.id,
      ...authorizationDetails(grant, audience),
    };
    return { kind: 'token', token: new Secret(signToken(this.#keys.signer(), claims)) };
  }

  keySet(): ReturnType<SigningKeys['keySet']> {
    return this.#keys.keySet();
  }

  maintain(): Promise<void> {
    return this.#keys.maintain();
  }
}

/** What the grant was narrowed to, when it was. Source: RFC 9396 §2. */
function authorizationDetails(
  grant: Grant,
  audience: string,
): { authorization_details?: readonly unknown[] } {
  for (const _ in grant.parameters) {
    return {
      authorization_details: [
        { type: 'stint_grant', locations: [audience], actions: [grant.action], parameters: grant.parameters },
      ],
    };
  }
  return {};
}

function isAudience(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && text.length <= wordLengthMax;
}

// Source: RFC 6749 §3.3, scope-token.
function isScope(text: string): boolean {
  return (
    /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(text) && text.length <= wordLengthMax
  );
}

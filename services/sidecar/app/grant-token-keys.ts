import { createHash } from 'node:crypto';
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import { type GrantClaims, readGrantClaims, type TokenCheck } from '../domain/grant-token.ts';

/** Longest token looked at, in characters: ours have some 700. */
const tokenLengthMax = 8_192;

/** Most tokens whose good signature is remembered. */
const rememberedMax = 10_000;

/** What a signature check found. */
export type SignatureResult =
  | { readonly kind: 'good'; readonly claims: GrantClaims }
  | { readonly kind: 'bad'; readonly check: TokenCheck };

/**
 * The keys that sign grant tokens, as the broker pushed them last, and the check of a token's signature and form.
 * A good signature is remembered by the token's hash, so that a token presented with every call is verified once;
 * everything that time or the presenter can change is not checked here. Source: RFC 7515 §5.2, RFC 9068 §4.
 */
export class GrantTokenKeys {
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;
  #jwks = '';
  #issuer = '';
  readonly #remembered = new Map<string, GrantClaims>();

  /** `iss` of grant tokens; undefined before the first keys came. */
  get issuer(): string | undefined {
    return this.#keys === undefined ? undefined : this.#issuer;
  }

  /**
   * Takes new keys; the old ones are gone, and nothing verified by them is remembered.
   * @throws Error when the text is not a JSON Web Key Set; the old keys stay.
   */
  replace(pushed: { readonly jwks: string; readonly issuer: string }): void {
    if (this.#keys !== undefined && pushed.jwks === this.#jwks && pushed.issuer === this.#issuer) return;
    this.#keys = createLocalJWKSet(JSON.parse(pushed.jwks) as JSONWebKeySet);
    this.#jwks = pushed.jwks;
    this.#issuer = pushed.issuer;
    this.#remembered.clear();
  }

  /** Checks form, algorithm, key and signature. The token is attacker-controlled. Call only when there is an issuer. */
  async check(token: string): Promise<SignatureResult> {
    const keys = this.#keys;
    if (keys === undefined || token.length > tokenLengthMax) return bad('form');
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#remembered.get(hash);
    if (known !== undefined) return { kind: 'good', claims: known };
    try {
      const { payload, protectedHeader } = await compactVerify(token, keys, { algorithms: ['ES256'] });
      if (protectedHeader.typ?.toLowerCase().replace(/^application\//, '') !== 'at+jwt') return bad('form');
      const claims = readGrantClaims(JSON.parse(Buffer.from(payload).toString('utf8')));
      if (claims === undefined) return bad('form');
      if (keys === this.#keys) this.#remember(hash, claims);
      return { kind: 'good', claims };
    } catch (error) {
      return bad(checkOf(error));
    }
  }

  #remember(hash: string, claims: GrantClaims): void {
    if (this.#remembered.size >= rememberedMax) {
      const oldest = this.#remembered.keys().next().value;
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(hash, claims);
  }
}

function checkOf(error: unknown): TokenCheck {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return 'key';
  return 'form';
}

function bad(check: TokenCheck): SignatureResult {
  return { kind: 'bad', check };
}

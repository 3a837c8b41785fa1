import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

/** Longest life of a certificate that is no CA, in milliseconds: 24 hours. Nothing we issue needs revocation lists. */
export const svidTtlMsMax = 86_400_000;

/** What is to be certified. Nothing of it is copied from a certificate request but the key. */
export type SvidRequest = {
  readonly spiffeId: SpiffeId;
  /** SubjectPublicKeyInfo of an ECDSA P-256 key, DER. Whoever asks has proved that he holds its private half. */
  readonly publicKeyDer: Buffer;
  /** Wanted life in milliseconds, 1 000 to {@link svidTtlMsMax}; the chain's end may cut it. */
  readonly ttlMs: number;
  readonly now: UnixMs;
  /** DNS names and IP addresses for servers whose clients know no SPIFFE. From our configuration, never from a request. */
  readonly hostNames?: readonly string[];
};

/** A certificate issued, with what its holder needs to use it. */
export type IssuedSvid = {
  readonly spiffeId: SpiffeId;
  /** Leaf first, then the issuing CA; the root is in the bundle. */
  readonly certificatesDer: readonly Buffer[];
  /** Roots of the trust domain. */
  readonly bundleDer: readonly Buffer[];
  /** notAfter of the leaf; whole seconds. */
  readonly expiresAt: UnixMs;
  /** SHA-256 of the leaf's DER, lower-case hex. */
  readonly sha256: string;
  /** Lower-case hex. */
  readonly serialNumber: string;
};

/** Who certifies. */
export interface SvidIssuer {
  /** @throws ServiceError INVALID_FIELD, TTL_OUT_OF_RANGE; nothing is written for a refused request. */
  issue(request: SvidRequest): Promise<IssuedSvid>;
}

/**
 * Reads a PKCS#10 request that came from outside: its size, its key's kind and its proof of possession are checked.
 * Returns the key's SubjectPublicKeyInfo and that one's SHA-256, lower-case hex.
 * @throws ServiceError INVALID_FIELD or MESSAGE_TOO_LARGE.
 */
export type CsrReader = (csrDer: Uint8Array) => {
  readonly publicKeyDer: Buffer;
  readonly publicKeySha256: string;
};

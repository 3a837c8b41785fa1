import type { Secret } from './secret.ts';
import type { SpiffeId } from './spiffe-id.ts';
import type { UnixMs } from './time.ts';

/** An X.509-SVID with its private key: what its holder shows in TLS. Source: SPIFFE X509-SVID §2. */
export type X509Svid = {
  readonly spiffeId: SpiffeId;
  /** The chain as it is sent: leaf first, then intermediates, without the root. */
  readonly certificatesDer: readonly Buffer[];
  readonly certificatesPem: string;
  /** PKCS#8. */
  readonly privateKeyPem: Secret;
  readonly notBefore: UnixMs;
  /** notAfter of the leaf. */
  readonly expiresAt: UnixMs;
  /** SHA-256 of the leaf's DER, lower-case hex: how events name this SVID. */
  readonly sha256: string;
};

/** What a TLS end needs at one moment: its own SVID and the roots it trusts. Replaced whole, never changed. */
export type SvidState = {
  readonly svid: X509Svid;
  /** Roots of the trust domain. */
  readonly bundlePem: string;
  readonly bundleDer: readonly Buffer[];
};

/** Where TLS ends get their SVID, and learn that it was replaced. */
export type SvidSource = {
  /** @throws ServiceError IDENTITY_NOT_READY while there is none, or it has expired. */
  current(): SvidState;
  /** Calls the listener after each replacement. The returned function ends that. */
  onChange(listener: (state: SvidState) => void): () => void;
};

import { ServiceError } from './errors.ts';
import { sha256 } from './merkle.ts';
import type { Secret } from './secret.ts';
import { type SpiffeId, spiffeIdFault, type TrustDomain, trustDomainOf } from './spiffe-id.ts';
import type { UnixMs } from './time.ts';
import { keyUsageBit, type LeafFacts, purposeOid, readLeaf, sanTag } from './x509/leaf.ts';

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

/** Who a verified peer is. */
export type PeerIdentity = {
  readonly spiffeId: SpiffeId;
  readonly svidSha256: string;
  readonly notBefore: UnixMs;
  readonly expiresAt: UnixMs;
};

/** What {@link checkPeerLeaf} compares a leaf with. `role` is the peer's side of the handshake. */
export type PeerExpectation = {
  readonly trustDomain: TrustDomain;
  readonly role: 'client' | 'server';
  readonly now: UnixMs;
};

/** The one text that a peer sees, whatever is wrong with its certificate: which check failed stands only in the log. */
export const peerRefusedText = 'no acceptable X.509-SVID was presented';

/**
 * Who a peer's leaf says it is. The chain must have been verified to the trust domain's roots before (the TLS
 * handshake does); this adds what TLS does not look at. Source: SPIFFE X509-SVID §4–5.
 * @throws ServiceError PEER_UNAUTHENTICATED with the fault as `cause`, for the log.
 */
export function checkPeerLeaf(der: Buffer, expected: PeerExpectation): PeerIdentity {
  try {
    return acceptedLeaf(der, expected);
  } catch (cause) {
    throw new ServiceError('PEER_UNAUTHENTICATED', peerRefusedText, { cause });
  }
}

function acceptedLeaf(der: Buffer, { trustDomain, role, now }: PeerExpectation): PeerIdentity {
  const leaf = readLeaf(der);
  const uri = oneUriSan(leaf);
  const fault = spiffeIdFault(uri);
  if (fault !== undefined) throw new Error(`svid: its URI is not a workload's SPIFFE ID: ${fault}`);
  const spiffeId = uri as SpiffeId;
  if (trustDomainOf(spiffeId) !== trustDomain)
    throw new Error(`svid: ${spiffeId} is of another trust domain`);
  if (leaf.sans.some((san) => san.tag === sanTag.email)) throw new Error('svid: it names an e-mail address');
  if (leaf.subjectIsEmpty && !leaf.sanIsCritical)
    throw new Error('svid: its subject is empty and its SAN is not critical');
  if (leaf.isCa) throw new Error('svid: it is a CA certificate');
  requireKeyUsage(leaf.keyUsage);
  const purpose = role === 'client' ? purposeOid.clientAuth : purposeOid.serverAuth;
  if (leaf.purposes !== undefined && !leaf.purposes.includes(purpose))
    throw new Error(`svid: its extended key usage lacks that of a ${role}`);
  if (now < leaf.notBefore) throw new Error('svid: not valid yet');
  if (now >= leaf.notAfter) throw new Error('svid: expired');
  return {
    spiffeId,
    svidSha256: sha256(der).toString('hex'),
    notBefore: leaf.notBefore,
    expiresAt: leaf.notAfter,
  };
}

function requireKeyUsage(usage: LeafFacts['keyUsage']): void {
  if (usage === undefined) throw new Error('svid: it has no key usage');
  if (!usage.critical) throw new Error('svid: its key usage is not critical');
  if ((usage.bits & keyUsageBit.digitalSignature) === 0)
    throw new Error('svid: its key usage lacks digitalSignature');
  if ((usage.bits & (keyUsageBit.keyCertSign | keyUsageBit.crlSign)) !== 0)
    throw new Error('svid: its key may sign certificates or revocation lists');
}

function oneUriSan(leaf: LeafFacts): string {
  const uris = leaf.sans.filter((san) => san.tag === sanTag.uri);
  const [uri] = uris;
  if (uri === undefined || uris.length !== 1)
    throw new Error(`svid: ${uris.length} URI SANs where exactly one must be`);
  return uri.body.toString('latin1');
}

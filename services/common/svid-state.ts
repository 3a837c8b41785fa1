import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { ServiceError } from './errors.ts';
import type { Secret } from './secret.ts';
import { parseSpiffeId, type SpiffeId } from './spiffe-id.ts';
import type { SvidState } from './x509-svid.ts';

/** Most certificates in a chain and most roots in a bundle that are looked at: ours have two and one. */
export const chainLengthMax = 8;

/** What an issuer answers: the chain and the roots, without the key, which never left its maker. */
export type IssuedChain = {
  /** Leaf first, then intermediates, each DER. */
  readonly certificatesDer: readonly Uint8Array[];
  /** Roots of the trust domain, each DER. */
  readonly bundleDer: readonly Uint8Array[];
};

/**
 * Puts an issued chain and its private key together, after checking that they belong together: the leaf is for this
 * key, names exactly one SPIFFE ID, and its chain ends, by signatures, at one of the roots. Whether it is in time is
 * for the caller, who has the clock.
 *
 * @throws ServiceError IDENTITY_NOT_READY saying which of these does not hold: an issuer's fault, never the caller's.
 */
export function assembleSvidState(issued: IssuedChain, privateKeyPem: Secret): SvidState {
  const certificates = issued.certificatesDer.map(readCertificate);
  const roots = issued.bundleDer.map(readCertificate);
  if (certificates.length > chainLengthMax || roots.length > chainLengthMax)
    throw unfit(`more than ${chainLengthMax} certificates`);
  const leaf = certificates[0];
  if (leaf === undefined) throw unfit('it has no certificate');
  if (!privateKeyPem.reveal((pem) => leaf.checkPrivateKey(createPrivateKey(pem))))
    throw unfit('its certificate is for another key');
  refuseBrokenChain(certificates, roots);
  return {
    svid: {
      spiffeId: soleSpiffeId(leaf),
      certificatesDer: certificates.map((certificate) => certificate.raw),
      certificatesPem: certificates.map((certificate) => certificate.toString()).join(''),
      privateKeyPem,
      notBefore: leaf.validFromDate.getTime(),
      expiresAt: leaf.validToDate.getTime(),
      sha256: createHash('sha256').update(leaf.raw).digest('hex'),
    },
    bundlePem: roots.map((root) => root.toString()).join(''),
    bundleDer: roots.map((root) => root.raw),
  };
}

function refuseBrokenChain(
  certificates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): void {
  certificates.forEach((certificate, i) => {
    const above = certificates[i + 1];
    const issuers = above === undefined ? roots : [above];
    const isSigned = issuers.some(
      (issuer) => issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey),
    );
    if (!isSigned)
      throw unfit(
        above === undefined ? 'its chain does not end at a root of the bundle' : 'its chain is broken',
      );
  });
}

function soleSpiffeId(leaf: X509Certificate): SpiffeId {
  // Node quotes a value that holds a comma or a quote; such a value is no SPIFFE ID and fails the parse.
  const uris = (leaf.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  if (uris.length !== 1) throw unfit(`its certificate has ${uris.length} URI names, not one`);
  return parseSpiffeId((uris[0] ?? '').slice('URI:'.length));
}

function readCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw unfit('it holds something that is not a certificate', cause);
  }
}

function unfit(fault: string, cause?: unknown): ServiceError {
  return new ServiceError('IDENTITY_NOT_READY', `the SVID received cannot be used: ${fault}`, { cause });
}

import { X509Certificate } from 'node:crypto';
import { type SpiffeId, spiffeIdFault } from './spiffe-id.ts';
import type { UnixMs } from './time.ts';

/** Most certificates in a chain, and most roots, that are looked at: ours have two and one. */
const chainLengthMax = 8;

/** What a chain proves, or why it proves nothing. `root` is the DER of the root it ends at. */
export type SvidChainVerdict =
  | {
      readonly kind: 'valid';
      readonly spiffeId: SpiffeId;
      readonly leaf: X509Certificate;
      readonly root: Buffer;
    }
  | { readonly kind: 'invalid'; readonly fault: string };

/**
 * Verifies the chain of an X.509-SVID outside of TLS: signatures up to one of the roots, every certificate in time at
 * `at`, and a leaf that is no CA and names exactly one SPIFFE ID. Attacker-controlled. Source: X509-SVID §2, §5.
 */
export function verifySvidChain(chain: {
  chainDer: readonly Uint8Array[];
  rootsDer: readonly Uint8Array[];
  at: UnixMs;
}): SvidChainVerdict {
  const { chainDer, rootsDer, at } = chain;
  if (chainDer.length === 0 || chainDer.length > chainLengthMax || rootsDer.length > chainLengthMax)
    return invalid('the chain has no certificate or too many');
  const certificates = chainDer.map(readCertificate);
  const roots = rootsDer.map(readCertificate).filter((root) => root !== undefined);
  const leaf = certificates[0];
  if (leaf === undefined || certificates.includes(undefined))
    return invalid('something in the chain is not a certificate');
  if (leaf.ca) return invalid('its leaf is a CA');
  let current = leaf;
  for (const issuer of certificates.slice(1)) {
    if (issuer === undefined || !isIssuedBy(current, issuer)) return invalid('the chain is broken');
    if (!isInTime(current, at)) return invalid('a certificate is not valid at that time');
    current = issuer;
  }
  const root = roots.find((candidate) => isIssuedBy(current, candidate));
  if (root === undefined) return invalid('the chain does not end at a root of the trust bundle');
  if (!isInTime(current, at) || !isInTime(root, at))
    return invalid('a certificate is not valid at that time');
  const spiffeId = soleSpiffeId(leaf);
  return spiffeId === undefined
    ? invalid('its leaf does not name exactly one SPIFFE ID')
    : { kind: 'valid', spiffeId, leaf, root: root.raw };
}

function invalid(fault: string): SvidChainVerdict {
  return { kind: 'invalid', fault };
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isInTime(certificate: X509Certificate, at: UnixMs): boolean {
  return certificate.validFromDate.getTime() <= at && at <= certificate.validToDate.getTime();
}

/** The one URI name of a certificate when it is a SPIFFE ID; undefined otherwise. */
function soleSpiffeId(leaf: X509Certificate): SpiffeId | undefined {
  // Node quotes a value that holds a comma or a quote; such a value is no SPIFFE ID.
  const uris = (leaf.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const text = (uris[0] ?? '').slice('URI:'.length);
  return uris.length === 1 && spiffeIdFault(text) === undefined ? (text as SpiffeId) : undefined;
}

function readCertificate(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined; // whatever OpenSSL dislikes about it, it is not a certificate
  }
}

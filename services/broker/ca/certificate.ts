import 'reflect-metadata'; // @peculiar/x509 needs it before it is loaded itself
import { type KeyObject, randomBytes, subtle, type webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { ServiceError } from '@stint/common/errors.ts';
import type { SpiffeId, TrustDomain } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** Certificates begin this much before their making, so that a peer whose clock is a little behind takes them. */
export const backdateMs = 10_000;

/** Most DNS names and IP addresses in one certificate. */
export const hostNamesMax = 16;

const hostNameGrammar =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** A signing certificate with its private key. */
export type SigningCa = {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
};

type Validity = { readonly notBefore: UnixMs; readonly notAfter: UnixMs };

/** Makes an ECDSA P-256 key pair that may be exported once, to be stored. */
export function newCaKeyPair(): Promise<webcrypto.CryptoKeyPair> {
  return subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
}

/** Makes a stored P-256 key fit for signing; it cannot be exported again. */
export function toSigningKey(key: KeyObject): webcrypto.CryptoKey {
  return key.toCryptoKey(keyAlgorithm, false, ['sign']);
}

/** Signs a trust domain's root: self-signed, with at most one CA below it. */
export function signRoot(
  options: Validity & Pick<CaContents, 'trustDomain' | 'keys'>,
): Promise<x509.X509Certificate> {
  return signCa({ ...options, role: 'root', pathLength: 1 });
}

/** Signs an issuing CA under the root: it signs leaves only. Its life is cut to the root's. */
export function signIssuingCa(
  options: Validity & Pick<CaContents, 'trustDomain' | 'keys'> & { readonly root: SigningCa },
): Promise<x509.X509Certificate> {
  const notAfter = Math.min(options.notAfter, options.root.certificate.notAfter.getTime());
  return signCa({ ...options, notAfter, signer: options.root, role: 'issuing', pathLength: 0 });
}

/** What a leaf says. */
export type LeafContents = Validity & {
  readonly spiffeId: SpiffeId;
  /** Checked SubjectPublicKeyInfo. */
  readonly publicKeyDer: Buffer;
  readonly hostNames: readonly string[];
};

/**
 * Signs an X.509-SVID: one URI name, no e-mail name, DNS names only where given and only real host names, because a
 * consumer may map a DNS name that reads like a SPIFFE ID before it looks at the URI. Source: X509-SVID §2–4.
 * @throws ServiceError INVALID_FIELD for a host name that is not one.
 */
export async function signLeaf(issuer: SigningCa, contents: LeafContents): Promise<x509.X509Certificate> {
  const publicKey = new x509.PublicKey(contents.publicKeyDer);
  const names = [{ type: 'url' as const, value: contents.spiffeId }, ...hostGeneralNames(contents.hostNames)];
  return x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: '', // the name is the URI alone; RFC 5280 §4.2.1.6 then wants the names critical
    issuer: issuer.certificate.subjectName,
    notBefore: new Date(contents.notBefore),
    notAfter: new Date(contents.notAfter),
    publicKey,
    signingKey: issuer.key,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(names, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      authorityKeyId(issuer.certificate),
    ],
  });
}

type CaContents = Validity & {
  readonly role: 'root' | 'issuing';
  readonly trustDomain: TrustDomain;
  readonly keys: webcrypto.CryptoKeyPair;
  /** Absent: signed by itself. */
  readonly signer?: SigningCa;
  readonly pathLength: number;
};

async function signCa(contents: CaContents): Promise<x509.X509Certificate> {
  const { keys, signer } = contents;
  const serialNumber = newSerialNumber();
  // The serial number in the name keeps the names of successive CAs apart.
  const subject = new x509.Name([
    { O: [contents.trustDomain] },
    { CN: [`Stint ${contents.role} CA`] },
    { '2.5.4.5': [serialNumber] },
  ]);
  return x509.X509CertificateGenerator.create({
    serialNumber,
    subject,
    issuer: signer?.certificate.subjectName ?? subject,
    notBefore: new Date(contents.notBefore),
    notAfter: new Date(contents.notAfter),
    publicKey: keys.publicKey,
    signingKey: signer?.key ?? keys.privateKey,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, contents.pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      // A signing certificate is the trust domain's own: an ID without a path.
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${contents.trustDomain}` }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(signer === undefined ? [] : [authorityKeyId(signer.certificate)]),
    ],
  });
}

function authorityKeyId(issuer: x509.X509Certificate): x509.AuthorityKeyIdentifierExtension {
  const keyId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) throw new Error('the signing certificate has no subject key identifier');
  return new x509.AuthorityKeyIdentifierExtension(keyId);
}

/** 127 random bits, positive, never beginning with a zero byte. Source: RFC 5280 §4.1.2.2. */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function hostGeneralNames(hostNames: readonly string[]): x509.JsonGeneralName[] {
  if (hostNames.length > hostNamesMax)
    throw new ServiceError('INVALID_FIELD', `host_names: more than ${hostNamesMax}`);
  return hostNames.map((name) => {
    if (isIP(name) !== 0) return { type: 'ip', value: name };
    if (hostNameGrammar.test(name)) return { type: 'dns', value: name };
    throw new ServiceError(
      'INVALID_FIELD',
      'host_names: one is neither a host name in lower case nor an IP address',
    );
  });
}

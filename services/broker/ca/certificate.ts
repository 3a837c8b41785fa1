import { createHash, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { SpiffeId, TrustDomain } from '@stint/common/spiffe-id.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { derTag, readDer, readDerMembers } from '@stint/common/x509/der-reader.ts';
import {
  der,
  derBitString,
  derInteger,
  derOid,
  derSequence,
  derTime,
} from '@stint/common/x509/der-writer.ts';
import { purposeOid } from '@stint/common/x509/leaf.ts';
import { ecdsaWithSha256, p256Point } from '@stint/common/x509/p256.ts';
import { generalNames } from './general-names.ts';

/** Certificates begin this much before their making, so that a peer whose clock is a little behind takes them. */
export const backdateMs = 10_000;

// Object identifiers by the hex of their DER body. Source: RFC 5280 §4.2.1, RFC 4519 §2.
const extensionOid = {
  subjectKeyIdentifier: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  authorityKeyIdentifier: '551d23',
  extendedKeyUsage: '551d25',
} as const;
const attributeOid = { commonName: '550403', serialNumber: '550405', organization: '55040a' } as const;
const tag = {
  set: 0x31,
  utf8String: 0x0c,
  printableString: 0x13,
  version: 0xa0,
  extensions: 0xa3,
  keyIdentifier: 0x80,
} as const;

/** A signing certificate with its private key, and what the certificates it signs repeat of it. */
export type SigningCa = {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** Its subject, byte for byte: the issuer of what it signs. */
  readonly subjectDer: Buffer;
  readonly keyIdentifier: Buffer;
};

type Validity = { readonly notBefore: UnixMs; readonly notAfter: UnixMs };

/** What a CA certificate is made from. */
export type CaContents = Validity & {
  readonly trustDomain: TrustDomain;
  readonly publicKeyDer: Buffer;
  readonly key: KeyObject;
};

/** What a leaf says. */
export type LeafContents = Validity & {
  readonly spiffeId: SpiffeId;
  /** Checked SubjectPublicKeyInfo of a P-256 key. */
  readonly publicKeyDer: Buffer;
  readonly hostNames: readonly string[];
};

/** Puts a CA's certificate and key together for signing. The certificate is one of ours, and the key is its. */
export function toSigningCa(certificate: X509Certificate, key: KeyObject): SigningCa {
  const [tbs] = readDerMembers(readDer(certificate.raw, derTag.sequence).body);
  const subject = tbs === undefined ? undefined : readDerMembers(tbs.body)[5];
  if (subject === undefined) throw new Error('the certificate has no subject');
  const publicKeyDer = certificate.publicKey.export({ format: 'der', type: 'spki' });
  return { certificate, key, subjectDer: subject.whole, keyIdentifier: keyIdentifierOf(publicKeyDer) };
}

/** Signs a trust domain's root: self-signed, with at most one CA below it. */
export function signRoot(contents: CaContents): SigningCa {
  const serialNumber = newSerialNumber();
  const subjectDer = caName('root', contents.trustDomain, serialNumber);
  const extensions = caExtensions(contents, 1);
  const issuer = { key: contents.key, subjectDer };
  return toSigningCa(
    signCertificate({ ...contents, serialNumber, subjectDer, issuer, extensions }),
    contents.key,
  );
}

/** Signs an issuing CA under the root: it signs leaves only. Its life is cut to the root's. */
export function signIssuingCa(contents: CaContents, root: SigningCa): SigningCa {
  const serialNumber = newSerialNumber();
  const subjectDer = caName('issuing', contents.trustDomain, serialNumber);
  const notAfter = Math.min(contents.notAfter, root.certificate.validToDate.getTime());
  const extensions = [...caExtensions(contents, 0), authorityKeyIdentifier(root)];
  return toSigningCa(
    signCertificate({ ...contents, notAfter, serialNumber, subjectDer, issuer: root, extensions }),
    contents.key,
  );
}

/**
 * Signs an X.509-SVID: one URI name, no e-mail name, DNS names only where given and only real host names, because a
 * consumer may map a DNS name that reads like a SPIFFE ID before it looks at the URI. Source: X509-SVID §2–4.
 * @throws ServiceError INVALID_FIELD for a host name that is not one.
 */
export function signLeaf(contents: LeafContents, issuer: SigningCa): X509Certificate {
  const { spiffeId, hostNames, publicKeyDer } = contents;
  const purposes = [derOid(purposeOid.serverAuth), derOid(purposeOid.clientAuth)];
  return signCertificate({
    ...contents,
    serialNumber: newSerialNumber(),
    subjectDer: derSequence(), // the name is the URI alone; RFC 5280 §4.2.1.6 then wants the names critical
    issuer,
    extensions: [
      critical(extensionOid.basicConstraints, derSequence()), // cA is FALSE by default, and DER leaves defaults out
      critical(extensionOid.keyUsage, derBitString(Buffer.from([0x80]), 7)), // digitalSignature
      extension(extensionOid.extendedKeyUsage, derSequence(...purposes)),
      critical(extensionOid.subjectAltName, generalNames(spiffeId, hostNames)),
      extension(extensionOid.subjectKeyIdentifier, der(derTag.octetString, keyIdentifierOf(publicKeyDer))),
      authorityKeyIdentifier(issuer),
    ],
  });
}

function caExtensions({ trustDomain, publicKeyDer }: CaContents, pathLength: number): Buffer[] {
  const isCa = der(derTag.boolean, Buffer.from([0xff]));
  return [
    critical(extensionOid.basicConstraints, derSequence(isCa, derInteger(pathLength))),
    critical(extensionOid.keyUsage, derBitString(Buffer.from([0x06]), 1)), // keyCertSign, cRLSign
    // A signing certificate is the trust domain's own: an ID without a path.
    extension(extensionOid.subjectAltName, generalNames(`spiffe://${trustDomain}`, [])),
    extension(extensionOid.subjectKeyIdentifier, der(derTag.octetString, keyIdentifierOf(publicKeyDer))),
  ];
}

type CertificateContents = Validity & {
  readonly serialNumber: Buffer;
  readonly subjectDer: Buffer;
  readonly publicKeyDer: Buffer;
  readonly extensions: readonly Buffer[];
  readonly issuer: Pick<SigningCa, 'key' | 'subjectDer'>;
};

/** Certificate { TBSCertificate, algorithm, signature }. Source: RFC 5280 §4.1. */
function signCertificate(contents: CertificateContents): X509Certificate {
  const tbs = derSequence(
    der(tag.version, derInteger(2)),
    derInteger(contents.serialNumber),
    ecdsaWithSha256,
    contents.issuer.subjectDer,
    derSequence(derTime(contents.notBefore), derTime(contents.notAfter)),
    contents.subjectDer,
    contents.publicKeyDer,
    der(tag.extensions, derSequence(...contents.extensions)),
  );
  const signature = sign('sha256', tbs, contents.issuer.key);
  return new X509Certificate(derSequence(tbs, ecdsaWithSha256, derBitString(signature)));
}

function extension(oid: string, value: Buffer): Buffer {
  return derSequence(derOid(oid), der(derTag.octetString, value));
}

function critical(oid: string, value: Buffer): Buffer {
  const isCritical = der(derTag.boolean, Buffer.from([0xff]));
  return derSequence(derOid(oid), isCritical, der(derTag.octetString, value));
}

function authorityKeyIdentifier({ keyIdentifier }: SigningCa): Buffer {
  return extension(extensionOid.authorityKeyIdentifier, derSequence(der(tag.keyIdentifier, keyIdentifier)));
}

/** SHA-1 of the public point: a name, not a protection, and what every tool computes. Source: RFC 5280 §4.2.1.2. */
function keyIdentifierOf(publicKeyDer: Buffer): Buffer {
  return createHash('sha1').update(p256Point(publicKeyDer)).digest();
}

/** 127 random bits, positive, never beginning with a zero byte. Source: RFC 5280 §4.1.2.2. */
function newSerialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** The serial number in the name keeps the names of successive CAs apart. */
function caName(role: 'root' | 'issuing', trustDomain: TrustDomain, serialNumber: Buffer): Buffer {
  return derSequence(
    nameAttribute(attributeOid.organization, tag.utf8String, trustDomain),
    nameAttribute(attributeOid.commonName, tag.utf8String, `Stint ${role} CA`),
    nameAttribute(attributeOid.serialNumber, tag.printableString, serialNumber.toString('hex')),
  );
}

function nameAttribute(oid: string, stringTag: number, text: string): Buffer {
  return der(tag.set, derSequence(derOid(oid), der(stringTag, Buffer.from(text, 'utf8'))));
}

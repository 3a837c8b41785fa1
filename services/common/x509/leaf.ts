import type { UnixMs } from '../time.ts';
import { type DerValue, derTag, readDer, readDerMembers } from './der-reader.ts';

// Object identifiers by the hex of their DER body; bits and tags by RFC 5280 §4.2.1.
const extensionOid = {
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  extendedKeyUsage: '551d25',
} as const;
const tbsTag = { version: 0xa0, extensions: 0xa3 } as const;

/** Key purposes, as {@link LeafFacts} lists them. */
export const purposeOid = { serverAuth: '2b06010505070301', clientAuth: '2b06010505070302' } as const;

/** Bits of {@link LeafFacts} `keyUsage`. */
export const keyUsageBit = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const;

/** Tags of {@link LeafFacts} `sans`. */
export const sanTag = { email: 0x81, uri: 0x86 } as const;

/** What an X.509 version 3 certificate says of its holder: the part that Node's X509Certificate does not show whole. */
export type LeafFacts = {
  readonly subjectIsEmpty: boolean;
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
  readonly isCa: boolean;
  readonly keyUsage: { readonly critical: boolean; readonly bits: number } | undefined;
  /** Undefined when the extension is absent: then every purpose is allowed. */
  readonly purposes: readonly string[] | undefined;
  readonly sans: readonly DerValue[];
  readonly sanIsCritical: boolean;
};

type Extension = { readonly critical: boolean; readonly value: Buffer };

/**
 * Reads a certificate. Attacker-controlled; nothing is verified, signatures least of all.
 * @throws Error saying what is malformed.
 */
export function readLeaf(der: Buffer): LeafFacts {
  const [tbs] = readDerMembers(readDer(der, derTag.sequence).body);
  if (tbs === undefined) throw new Error('x509: no tbsCertificate');
  const fields = readDerMembers(tbs.body);
  if (fields[0]?.tag !== tbsTag.version) throw new Error('x509: not version 3');
  // version, serialNumber, signature, issuer, validity, subject, … Source: RFC 5280 §4.1.
  const validity = readDerMembers(fields[4]?.body ?? Buffer.alloc(0));
  const extensions = readExtensions(fields.find((field) => field.tag === tbsTag.extensions));
  const san = extensions.get(extensionOid.subjectAltName);
  return {
    subjectIsEmpty: fields[5]?.body.length === 0,
    notBefore: readTime(validity[0]),
    notAfter: readTime(validity[1]),
    isCa: readIsCa(extensions.get(extensionOid.basicConstraints)),
    keyUsage: readKeyUsage(extensions.get(extensionOid.keyUsage)),
    purposes: readPurposes(extensions.get(extensionOid.extendedKeyUsage)),
    sans: san === undefined ? [] : readDerMembers(readDer(san.value, derTag.sequence).body),
    sanIsCritical: san?.critical ?? false,
  };
}

function readExtensions(field: DerValue | undefined): Map<string, Extension> {
  const found = new Map<string, Extension>();
  if (field === undefined) return found;
  for (const entry of readDerMembers(readDer(field.body, derTag.sequence).body)) {
    const [oid, ...rest] = readDerMembers(entry.body);
    const value = rest.at(-1);
    if (oid?.tag !== derTag.oid || value?.tag !== derTag.octetString)
      throw new Error('x509: an extension is malformed');
    const key = oid.body.toString('hex');
    if (found.has(key)) throw new Error('x509: an extension stands twice');
    found.set(key, { critical: rest.length === 2 && rest[0]?.body[0] === 0xff, value: value.body });
  }
  return found;
}

function readIsCa(extension: Extension | undefined): boolean {
  if (extension === undefined) return false;
  const [flag] = readDerMembers(readDer(extension.value, derTag.sequence).body);
  return flag?.tag === derTag.boolean && flag.body[0] !== 0;
}

function readKeyUsage(extension: Extension | undefined): LeafFacts['keyUsage'] {
  if (extension === undefined) return undefined;
  return { critical: extension.critical, bits: readDer(extension.value, derTag.bitString).body[1] ?? 0 };
}

function readPurposes(extension: Extension | undefined): readonly string[] | undefined {
  if (extension === undefined) return undefined;
  return readDerMembers(readDer(extension.value, derTag.sequence).body).map((purpose) =>
    purpose.body.toString('hex'),
  );
}

// UTCTime until 2049, GeneralizedTime after, both to the second and in UTC. Source: RFC 5280 §4.1.2.5.
function readTime(field: DerValue | undefined): UnixMs {
  const text = field?.body.toString('latin1') ?? '';
  const isUtcTime = field?.tag === derTag.utcTime;
  const match = (
    isUtcTime
      ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/
      : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/
  ).exec(text);
  if (match === null || (!isUtcTime && field?.tag !== derTag.generalizedTime))
    throw new Error('x509: a time is malformed');
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const century = isUtcTime ? (year < 50 ? 2_000 : 1_900) : 0;
  return Date.UTC(century + year, month - 1, day, hour, minute, second);
}

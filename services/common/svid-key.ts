import { createHash, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from './secret.ts';

const generateKeyPairAsync = promisify(generateKeyPair);

/** SEQUENCE { OID ecdsa-with-SHA256 }. Source: RFC 5758 §3.2. */
const ecdsaWithSha256 = Buffer.from('300a06082a8648ce3d040302', 'hex');

/** A fresh key for an SVID and the request that proves its possession. The private key exists in memory only. */
export type SvidKey = {
  /** PKCS#8. */
  readonly privateKeyPem: Secret;
  /** PKCS#10 request, DER: an empty subject, this key, its signature; nothing else, for nothing else would be used. */
  readonly csrDer: Buffer;
  /** SHA-256 of the public key's SubjectPublicKeyInfo, lower-case hex. */
  readonly publicKeySha256: string;
};

/** Makes an ECDSA P-256 key and its certificate request. */
export async function newSvidKey(): Promise<SvidKey> {
  const pair = await generateKeyPairAsync('ec', { namedCurve: 'P-256' });
  const publicKeyDer = pair.publicKey.export({ format: 'der', type: 'spki' });
  return {
    privateKeyPem: new Secret(pair.privateKey.export({ format: 'pem', type: 'pkcs8' })),
    csrDer: certificateRequest(pair.privateKey, publicKeyDer),
    publicKeySha256: createHash('sha256').update(publicKeyDer).digest('hex'),
  };
}

/** CertificationRequest { version 0, empty Name, key, no attributes }, signed. Source: RFC 2986 §4. */
function certificateRequest(privateKey: KeyObject, publicKeyDer: Buffer): Buffer {
  const version = Buffer.from('020100', 'hex');
  const emptyName = Buffer.from('3000', 'hex');
  const noAttributes = Buffer.from('a000', 'hex');
  const info = der(0x30, version, emptyName, publicKeyDer, noAttributes);
  const signature = sign('sha256', info, privateKey);
  return der(0x30, info, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature));
}

/** One DER element. Contents up to 65 535 bytes, far above what a request has. Source: X.690 §8.1. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts);
  const length = contents.length;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), contents]);
}

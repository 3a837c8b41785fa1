import { createHash, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from './secret.ts';
import { der, derBitString, derInteger, derSequence } from './x509/der-writer.ts';
import { ecdsaWithSha256 } from './x509/p256.ts';

const generateKeyPairAsync = promisify(generateKeyPair);

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
  const noAttributes = der(0xa0);
  const info = derSequence(derInteger(0), derSequence(), publicKeyDer, noAttributes);
  return derSequence(info, ecdsaWithSha256, derBitString(sign('sha256', info, privateKey)));
}

import { derOid, derSequence } from './der-writer.ts';

/** AlgorithmIdentifier of our one signature algorithm, ecdsa-with-SHA256. Source: RFC 5758 §3.2. */
export const ecdsaWithSha256 = derSequence(derOid('2a8648ce3d040302'));

/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to and with the byte that says so. Source: RFC 5480 §2. */
const spkiPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const spkiBytes = 91;
const pointBytes = 65;

/** Whether the bytes have the one form in which we take P-256 keys. Whether the point is on the curve is not looked at. */
export function isP256Spki(publicKeyDer: Buffer): boolean {
  return publicKeyDer.length === spkiBytes && publicKeyDer.subarray(0, spkiPrefix.length).equals(spkiPrefix);
}

/** The point of a key that {@link isP256Spki} took: what key identifiers are made of. */
export function p256Point(publicKeyDer: Buffer): Buffer {
  return publicKeyDer.subarray(-pointBytes);
}

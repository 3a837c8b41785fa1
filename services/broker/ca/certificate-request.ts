import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ServiceError } from '@stint/common/errors.ts';
import { derTag, readDer, readDerMembers } from '@stint/common/x509/der-reader.ts';
import { ecdsaWithSha256, isP256Spki } from '@stint/common/x509/p256.ts';
import type { CsrReader } from '../domain/svid-issuer.ts';

/** Largest certificate request, in bytes. One for P-256 has about 200; the rest is room for what other tools add. */
export const csrBytesMax = 4_096;

/** CertificationRequest { info { version, subject, key, … }, algorithm, signature }. Source: RFC 2986 §4. */
type RequestParts = { readonly info: Buffer; readonly publicKeyDer: Buffer; readonly signature: Buffer };

/**
 * Reads a PKCS#10 request, attacker-controlled. Its key is all that is taken from it: names, extensions and whatever
 * else it asks for are not even looked at, so that they cannot get into a certificate.
 * @throws ServiceError MESSAGE_TOO_LARGE, or INVALID_FIELD when it is not a request in DER, not for a P-256 key, or not
 * signed by that key with ECDSA and SHA-256.
 */
export const readCsr: CsrReader = (csrDer) => {
  if (csrDer.byteLength > csrBytesMax) {
    throw new ServiceError('MESSAGE_TOO_LARGE', `csr: longer than ${csrBytesMax} bytes`, {
      metadata: { field: 'csr' },
    });
  }
  const { info, publicKeyDer, signature } = readRequest(Buffer.from(csrDer));
  const publicKey = requireP256(publicKeyDer);
  if (!verify('sha256', info, publicKey, signature)) throw invalidCsr('its signature is not by its own key');
  return { publicKeyDer, publicKeySha256: createHash('sha256').update(publicKeyDer).digest('hex') };
};

/**
 * Reads a P-256 public key, in the one form in which such keys are taken, and checks that its point is on the curve.
 * @throws ServiceError INVALID_FIELD.
 */
export function requireP256(publicKeyDer: Buffer): KeyObject {
  if (!isP256Spki(publicKeyDer)) throw invalidCsr('its key is not ECDSA P-256 with an uncompressed point');
  try {
    return createPublicKey({ key: publicKeyDer, format: 'der', type: 'spki' });
  } catch (cause) {
    throw invalidCsr('its key is not a point on the curve', cause);
  }
}

function readRequest(csrDer: Buffer): RequestParts {
  try {
    const [info, algorithm, signature, ...rest] = readDerMembers(readDer(csrDer, derTag.sequence).body);
    const [version, subject, publicKey] = readDerMembers(info?.body ?? Buffer.alloc(0));
    const isRequest =
      info?.tag === derTag.sequence &&
      version?.whole.equals(Buffer.from('020100', 'hex')) === true &&
      subject?.tag === derTag.sequence &&
      publicKey?.tag === derTag.sequence &&
      algorithm?.whole.equals(ecdsaWithSha256) === true &&
      signature?.tag === derTag.bitString &&
      signature.body[0] === 0 &&
      rest.length === 0;
    if (!isRequest) throw new Error('its parts are not those of a request signed with ecdsa-with-SHA256');
    return {
      info: info.whole,
      publicKeyDer: Buffer.from(publicKey.whole),
      signature: signature.body.subarray(1),
    };
  } catch (cause) {
    throw invalidCsr('it is not a PKCS#10 request in DER, signed with ECDSA and SHA-256', cause);
  }
}

function invalidCsr(fault: string, cause?: unknown): ServiceError {
  return new ServiceError('INVALID_FIELD', `csr: ${fault}`, { metadata: { field: 'csr', fault }, cause });
}

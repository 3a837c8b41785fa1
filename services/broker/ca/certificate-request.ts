import 'reflect-metadata'; // @peculiar/x509 needs it before it is loaded itself
import { createHash, createPublicKey } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { ServiceError } from '@stint/common/errors.ts';
import type { CsrReader } from '../domain/svid-issuer.ts';

/** Largest certificate request, in bytes. One for P-256 has about 200; the rest is room for what other tools add. */
export const csrBytesMax = 4_096;

/** SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point itself. Source: RFC 5480 §2. */
const p256Prefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');
const p256Bytes = 91;

/**
 * Reads a PKCS#10 request, attacker-controlled. Its key is all that is taken from it: names, extensions and whatever
 * else it asks for are not even looked at, so that they cannot get into a certificate.
 * @throws ServiceError MESSAGE_TOO_LARGE, or INVALID_FIELD when it is not a request, not for a P-256 key, or not
 * signed by that key.
 */
export const readCsr: CsrReader = async (csrDer) => {
  if (csrDer.byteLength > csrBytesMax) {
    throw new ServiceError('MESSAGE_TOO_LARGE', `csr: longer than ${csrBytesMax} bytes`, {
      metadata: { field: 'csr' },
    });
  }
  const { request, publicKeyDer } = parseRequest(csrDer);
  requireP256(publicKeyDer);
  if (!(await isSignedByItsKey(request))) throw invalidCsr('its signature is not by its own key');
  return { publicKeyDer, publicKeySha256: createHash('sha256').update(publicKeyDer).digest('hex') };
};

/**
 * Checks that the bytes are the one DER form of a P-256 public key whose point is on the curve.
 * @throws ServiceError INVALID_FIELD.
 */
export function requireP256(publicKeyDer: Buffer): void {
  const hasForm =
    publicKeyDer.length === p256Bytes && publicKeyDer.subarray(0, p256Prefix.length).equals(p256Prefix);
  if (!hasForm) throw invalidCsr('its key is not ECDSA P-256 with an uncompressed point');
  try {
    createPublicKey({ key: publicKeyDer, format: 'der', type: 'spki' });
  } catch (cause) {
    throw invalidCsr('its key is not a point on the curve', cause);
  }
}

function parseRequest(csrDer: Uint8Array): { request: x509.Pkcs10CertificateRequest; publicKeyDer: Buffer } {
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csrDer));
    // The library reads the key only now, and throws for one that it does not know.
    return { request, publicKeyDer: Buffer.from(request.publicKey.rawData) };
  } catch (cause) {
    throw invalidCsr('it is not a PKCS#10 request in DER with a key of a known kind', cause);
  }
}

async function isSignedByItsKey(request: x509.Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify();
  } catch (cause) {
    throw invalidCsr('its signature cannot be checked', cause);
  }
}

function invalidCsr(fault: string, cause?: unknown): ServiceError {
  return new ServiceError('INVALID_FIELD', `csr: ${fault}`, { metadata: { field: 'csr', fault }, cause });
}

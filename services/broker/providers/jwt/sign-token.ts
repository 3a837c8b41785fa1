import { sign } from 'node:crypto';
import type { Signer } from './signing-keys.ts';

const coordinateBytes = 32;

/**
 * Signs claims as a compact JWS with ES256.
 *
 * The bare KeyObject and the DER form are deliberate: passing options to `crypto.sign` (such as `ieee-p1363`) costs as
 * much again as the signature itself on Node 24. Source: RFC 7515 §3.1, RFC 7518 §3.4.
 */
export function signToken(signer: Signer, claims: Readonly<Record<string, unknown>>): string {
  const input = `${signer.encodedHeader}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  const signature = rawSignature(sign('sha256', Buffer.from(input), signer.privateKey));
  return `${input}.${signature.toString('base64url')}`;
}

/**
 * Turns `SEQUENCE { INTEGER r, INTEGER s }` into r and s of 32 bytes each. The DER is our own crypto library's for
 * P-256, so every length fits one byte; anything else is refused all the same.
 */
export function rawSignature(der: Uint8Array): Buffer {
  const raw = Buffer.alloc(2 * coordinateBytes);
  const rLength = der[3] ?? 0;
  const sAt = 4 + rLength;
  const sLength = der[sAt + 1] ?? 0;
  const isWhole = der[0] === 0x30 && der[2] === 0x02 && der[sAt] === 0x02 && der.length === sAt + 2 + sLength;
  if (!isWhole) throw new Error('not a DER signature of two integers');
  copyInteger(der.subarray(4, sAt), raw.subarray(0, coordinateBytes));
  copyInteger(der.subarray(sAt + 2), raw.subarray(coordinateBytes));
  return raw;
}

// DER drops leading zeros and adds one before a set top bit; raw form has neither rule.
function copyInteger(integer: Uint8Array, to: Buffer): void {
  const digits = integer[0] === 0 ? integer.subarray(1) : integer;
  if (digits.length > coordinateBytes) throw new Error('an integer of the signature is too long for P-256');
  to.set(digits, coordinateBytes - digits.length);
}

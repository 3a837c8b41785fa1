import type { UnixMs } from '../time.ts';
import { derTag } from './der-reader.ts';

/** UTCTime ends with this year; later times are GeneralizedTime. Source: RFC 5280 §4.1.2.5. */
const utcTimeYearMax = 2049;

/** One DER value. Its contents may have up to 65 535 bytes, far above any certificate of ours. Source: X.690 §8.1, §10.1. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const contents = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(contents.length)]), contents]);
}

/** SEQUENCE. */
export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return der(derTag.sequence, ...parts);
}

/** OBJECT IDENTIFIER, given by the hex of its body. */
export function derOid(bodyHex: string): Buffer {
  return der(derTag.oid, Buffer.from(bodyHex, 'hex'));
}

/** INTEGER from the bytes of a positive number without leading zeros, or from 0 to 127. */
export function derInteger(value: Uint8Array | number): Buffer {
  const bytes = typeof value === 'number' ? Buffer.from([value]) : value;
  // A first bit of 1 would make it negative.
  const isHigh = ((bytes[0] ?? 0) & 0x80) !== 0;
  return isHigh ? der(derTag.integer, Buffer.from([0]), bytes) : der(derTag.integer, bytes);
}

/** BIT STRING; `unusedBits` of the last byte are no part of it. */
export function derBitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return der(derTag.bitString, Buffer.from([unusedBits]), bytes);
}

/** A moment, cut to the second, in the form that its year asks for. */
export function derTime(time: UnixMs): Buffer {
  const digits = `${new Date(time).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
  const isUtcTime = Number(digits.slice(0, 4)) <= utcTimeYearMax;
  return isUtcTime
    ? der(derTag.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : der(derTag.generalizedTime, Buffer.from(digits, 'latin1'));
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  throw new RangeError('der: more than 65 535 bytes');
}

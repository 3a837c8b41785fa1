/** One value of a DER encoding. `body` and `whole` are views of the input, not copies. */
export type DerValue = { readonly tag: number; readonly body: Buffer; readonly whole: Buffer };

/** Tags that X.509 uses. Source: X.690 §8. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/**
 * Reads bytes that must be exactly one DER value with that tag. Attacker-controlled input.
 * @throws Error saying what is malformed.
 */
export function readDer(bytes: Buffer, tag: number): DerValue {
  const value = valueAt(bytes, 0);
  if (value.whole.length !== bytes.length) throw new Error('der: bytes after the value');
  if (value.tag !== tag)
    throw new Error(`der: tag 0x${value.tag.toString(16)} where 0x${tag.toString(16)} must be`);
  return value;
}

/**
 * Reads the values inside a SEQUENCE, SET or explicit tag, in order. Attacker-controlled input.
 * @throws Error saying what is malformed.
 */
export function readDerMembers(body: Buffer): DerValue[] {
  const members: DerValue[] = [];
  for (let offset = 0; offset < body.length; ) {
    const value = valueAt(body, offset);
    members.push(value);
    offset += value.whole.length;
  }
  return members;
}

// Only what DER allows: tags of one byte, definite lengths in their shortest form. Source: X.690 §10.1.
function valueAt(bytes: Buffer, start: number): DerValue {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new Error('der: cut short');
  if ((tag & 0x1f) === 0x1f) throw new Error('der: tag of several bytes');
  let head = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new Error('der: length is indefinite or too long');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + 2 + i] ?? 0);
    if (length < 0x80 || length < 256 ** (count - 1))
      throw new Error('der: length is not in its shortest form');
    head += count;
  }
  const end = start + head + length;
  if (end > bytes.length) throw new Error('der: cut short');
  return { tag, body: bytes.subarray(start + head, end), whole: bytes.subarray(start, end) };
}

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { compactVerify } from 'jose';
import { rawSignature, signToken } from './sign-token.ts';

// Source: RFC 7515 appendix A.3, its key, header, payload and signature.
const rfcKey = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
};
const rfcInput =
  'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ';
const rfcSignature = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q';

test('a DER signature becomes the raw form of RFC 7515 A.3', () => {
  const raw = Buffer.from(rfcSignature, 'base64url');
  const der = derOf(raw.subarray(0, 32), raw.subarray(32));
  assert.deepEqual(rawSignature(der), raw);
  const publicKey = createPublicKey({ key: rfcKey, format: 'jwk' });
  assert.ok(
    verify('sha256', Buffer.from(rfcInput), { key: publicKey, dsaEncoding: 'ieee-p1363' }, rawSignature(der)),
  );
});

test('short and padded integers keep their value', () => {
  const one = Buffer.from([1]);
  const topBit = Buffer.concat([Buffer.from([0x80]), Buffer.alloc(31, 7)]);
  const raw = rawSignature(derOf(one, topBit));
  assert.equal(raw.subarray(0, 32).toString('hex'), '01'.padStart(64, '0'));
  assert.deepEqual(raw.subarray(32), topBit);
});

test('anything but two integers of 32 bytes is refused', () => {
  const whole = derOf(Buffer.alloc(32, 1), Buffer.alloc(32, 2));
  const wrongs = [
    Buffer.alloc(0),
    whole.subarray(0, -1),
    Buffer.concat([whole, Buffer.from([0])]),
    derOf(Buffer.alloc(33, 1), Buffer.alloc(32, 2)),
    Buffer.from([0x31, ...whole.subarray(1)]),
  ];
  for (const wrong of wrongs) assert.throws(() => rawSignature(wrong));
});

test('every signature verifies, whatever lengths its integers have', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encodedHeader = Buffer.from('{"alg":"ES256"}').toString('base64url');
  const lengths = new Set<number>();
  for (let i = 0; i < 2_000; i += 1) {
    const token = signToken({ privateKey, encodedHeader }, { i });
    const [header = '', payload = '', signature = ''] = token.split('.');
    assert.ok(isValid(publicKey, `${header}.${payload}`, Buffer.from(signature, 'base64url')), token);
    lengths.add(sign('sha256', Buffer.from(String(i)), privateKey).length);
  }
  assert.ok(lengths.size >= 3, 'the sample has seen short and padded integers');
  const { payload } = await compactVerify(signToken({ privateKey, encodedHeader }, { a: 'é' }), publicKey);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), { a: 'é' });
});

function isValid(key: KeyObject, input: string, signature: Buffer): boolean {
  return (
    signature.length === 64 &&
    verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, signature)
  );
}

function derOf(r: Buffer, s: Buffer): Buffer {
  const integer = (value: Buffer) => {
    const padded = (value[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), value]) : value;
    return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
  };
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { calculateJwkThumbprint } from 'jose';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { keySetCacheMs, rotationMs, SigningKeys, tokenSecondsMax } from './signing-keys.ts';

const start = 1_800_000_000_000;

function keyDirectory(t: TestContext): string {
  const parent = mkdtempSync(path.join(tmpdir(), 'stint-keys-'));
  t.after(() => rmSync(parent, { recursive: true }));
  return path.join(parent, 'keys');
}

function kids(keys: SigningKeys): (string | undefined)[] {
  return keys.keySet().keys.map((key) => key.kid);
}

function signingKid(keys: SigningKeys): string {
  return (JSON.parse(Buffer.from(keys.signer().encodedHeader, 'base64url').toString()) as { kid: string })
    .kid;
}

test('the first key signs at once, is private to us, and is named by its thumbprint', async (t) => {
  const directory = keyDirectory(t);
  const keys = await SigningKeys.open(directory, heldClock(start));
  const [key] = keys.keySet().keys;
  assert.ok(key);
  assert.deepEqual(
    Object.keys(key).sort(),
    ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
    'public members only',
  );
  assert.equal(key.kid, await calculateJwkThumbprint(key, 'sha256'));
  assert.equal(signingKid(keys), key.kid);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory))
    assert.equal(statSync(path.join(directory, name)).mode & 0o777, 0o600);
});

test('a new key is published at once, signs after the cache time, and the old one stays while its tokens live', async (t) => {
  const clock = heldClock(start);
  const keys = await SigningKeys.open(keyDirectory(t), clock);
  const old = signingKid(keys);
  clock.advance(1_000);
  await keys.rotate();
  const [fresh] = kids(keys);
  assert.equal(kids(keys).length, 2);
  assert.equal(signingKid(keys), old);
  clock.advance(keySetCacheMs - 1);
  assert.equal(signingKid(keys), old);
  clock.advance(1);
  assert.equal(signingKid(keys), fresh);
  clock.advance(tokenSecondsMax * 1_000 + keySetCacheMs - 1);
  assert.deepEqual(kids(keys), [fresh, old]);
  clock.advance(1);
  assert.deepEqual(kids(keys), [fresh]);
});

test('a restart at any time finds the same keys in the same roles', async (t) => {
  const directory = keyDirectory(t);
  const clock = heldClock(start);
  const keys = await SigningKeys.open(directory, clock);
  for (const step of [1_000, 1_000, keySetCacheMs - 2_000, 2_000, 3_600_000, keySetCacheMs]) {
    clock.advance(step);
    if (step === 1_000) await keys.rotate();
    const again = await SigningKeys.open(directory, clock);
    assert.deepEqual(kids(again), kids(keys));
    assert.equal(signingKid(again), signingKid(keys));
  }
});

test('keys rotate when they are old, and are removed when no token can depend on them', async (t) => {
  const directory = keyDirectory(t);
  const clock = heldClock(start);
  const keys = await SigningKeys.open(directory, clock);
  const old = signingKid(keys);
  clock.advance(rotationMs - 1);
  await keys.maintain();
  assert.equal(kids(keys).length, 1);
  clock.advance(1);
  await keys.maintain();
  assert.equal(kids(keys).length, 2);
  clock.advance(2 * keySetCacheMs + tokenSecondsMax * 1_000);
  await keys.maintain();
  assert.equal(readdirSync(directory).length, 1);
  assert.notEqual(signingKid(keys), old);
});

test('what a crash left half-written is not a key and is cleared away', async (t) => {
  const directory = keyDirectory(t);
  const clock = heldClock(start);
  const keys = await SigningKeys.open(directory, clock);
  const partial = path.join(directory, `${start + 5}.pem.0123456789ab.partial`);
  writeFileSync(partial, '-----BEGIN PRI', { mode: 0o600 });
  utimesSync(partial, 1_000, 1_000);
  const again = await SigningKeys.open(directory, clock);
  assert.deepEqual(kids(again), kids(keys));
  assert.equal(readdirSync(directory).length, 1);
});

test('a key that others may read, or that is no P-256 key, stops the start', async (t) => {
  const directory = keyDirectory(t);
  await SigningKeys.open(directory, heldClock(start));
  const [name = ''] = readdirSync(directory);
  chmodSync(path.join(directory, name), 0o640);
  await assert.rejects(SigningKeys.open(directory, heldClock(start)), { kind: 'exposed' });
  writeFileSync(path.join(directory, name), 'no key at all');
  chmodSync(path.join(directory, name), 0o600);
  await assert.rejects(SigningKeys.open(directory, heldClock(start)));
});

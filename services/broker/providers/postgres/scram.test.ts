import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import { newPassword, scramVerifier } from './scram.ts';

test("the verifier is that of RFC 7677 §3's example", async () => {
  // The RFC gives an exchange, not the keys: the ServerSignature made with ours must be the RFC's.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const verifier = await scramVerifier(new Secret('pencil'), 4_096, salt);
  const match = /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$([^:]+):([^:]+)$/.exec(verifier);
  assert.ok(match);
  const authMessage =
    'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const serverKey = Buffer.from(match[2] ?? '', 'base64');
  const signature = createHmac('sha256', serverKey).update(authMessage).digest('base64');
  assert.equal(signature, '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('passwords are fresh, plain ASCII and 256 bits long', () => {
  const passwords = Array.from({ length: 100 }, () => newPassword().revealText());
  assert.equal(new Set(passwords).size, 100);
  for (const password of passwords) assert.match(password, /^[A-Za-z0-9_-]{43}$/);
});

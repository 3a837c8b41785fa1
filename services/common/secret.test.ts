import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from './secret.ts';

const words = 'the password — é';

test('a secret opens as what was put in, from text or bytes', () => {
  const bytes = Buffer.from(words);
  for (const secret of [new Secret(words), new Secret(bytes), new Secret(new Uint8Array(bytes))]) {
    assert.equal(secret.revealText(), words);
    assert.ok(secret.reveal((plaintext) => plaintext.equals(bytes)));
  }
  assert.equal(new Secret('').revealText(), '');
});

test('a secret is not printed, logged or serialised', () => {
  const secret = new Secret(words);
  for (const shown of [`${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true })]) {
    assert.ok(shown.includes('[secret]'), shown);
    assert.ok(!shown.includes('password'), shown);
  }
});

test('a secret stands in memory of its own, neither what was given nor among other bytes', () => {
  const given = Buffer.from(words);
  const secret = new Secret(given);
  given.fill(0);
  assert.equal(secret.revealText(), words);
  for (const one of [secret, new Secret(words)])
    assert.equal(
      one.reveal((plaintext) => plaintext.buffer.byteLength),
      Buffer.byteLength(words),
    );
});

test('a destroyed secret is zeros', () => {
  const secret = new Secret(words);
  secret.destroy();
  assert.ok(secret.reveal((plaintext) => plaintext.every((byte) => byte === 0)));
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { newSvidKey } from './svid-key.ts';

describe('a key for an SVID', () => {
  it('comes with a request that openssl takes, signed by it, with an empty subject and no attributes', async () => {
    // The signature's length varies by its numbers' leading zeros: several keys see several lengths.
    for (let i = 0; i < 8; i++) {
      const { csrDer } = await newSvidKey();
      const text = execFileSync('openssl', ['req', '-inform', 'DER', '-verify', '-noout', '-text'], {
        input: csrDer,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      assert.match(text, /Subject: *\n/);
      assert.match(text, /NIST CURVE: P-256/);
      assert.match(text, /Attributes:\n\s+\(none\)/);
      assert.doesNotMatch(text, /X509v3/);
    }
  });

  it('never shows its private half in text', async () => {
    const key = await newSvidKey();
    assert.doesNotMatch(JSON.stringify(key), /PRIVATE/);
    assert.doesNotMatch(`${key.privateKeyPem}`, /PRIVATE/);
  });

  it('is named by the hash of its public half', async () => {
    const key = await newSvidKey();
    const der = createPublicKey(key.privateKeyPem.revealText()).export({ format: 'der', type: 'spki' });
    assert.equal(key.publicKeySha256, createHash('sha256').update(der).digest('hex'));
  });
});

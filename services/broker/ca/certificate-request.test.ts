import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { csrBytesMax, readCsr } from './certificate-request.ts';

let scratch: string;
before(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'stint-csr-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

function opensslCsr(keyOptions: string[], ...more: string[]): Buffer {
  const out = path.join(scratch, 'csr.der');
  execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-newkey',
      ...keyOptions,
      '-subj',
      '/',
      '-outform',
      'DER',
      '-out',
      out,
      ...more,
    ],
    { stdio: 'ignore' },
  );
  return readFileSync(out);
}

describe('a certificate request', () => {
  it('of ours gives its key', async () => {
    const { csrDer, publicKeySha256 } = await newSvidKey();
    assert.equal(readCsr(csrDer).publicKeySha256, publicKeySha256);
  });

  it('of openssl is taken, whatever it asks for', () => {
    const csr = opensslCsr(
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      '-subj',
      '/CN=root',
      '-addext',
      'subjectAltName=URI:spiffe://stint.test/stint/auditor,email:a@b.c',
      '-addext',
      'basicConstraints=critical,CA:TRUE',
    );
    assert.equal(readCsr(csr).publicKeyDer.length, 91);
  });

  it('for RSA, another curve or spelled-out curve parameters is refused', () => {
    const others = [
      ['rsa:2048'],
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
      ['ed25519'],
    ];
    for (const options of others) {
      assert.throws(
        () => readCsr(opensslCsr(options)),
        (e) => isServiceError(e, 'INVALID_FIELD'),
        options.join(' '),
      );
    }
  });

  it('with any bit changed is refused', async () => {
    const { csrDer } = await newSvidKey();
    for (let bit = 0; bit < csrDer.length * 8; bit++) {
      const changed = Buffer.from(csrDer);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(
        () => readCsr(changed),
        (e) => isServiceError(e, 'INVALID_FIELD'),
        `bit ${bit}`,
      );
    }
  });

  it('that is empty, cut short, too large or not DER at all is refused', async () => {
    const { csrDer } = await newSvidKey();
    for (const bad of [
      Buffer.alloc(0),
      csrDer.subarray(0, 100),
      Buffer.from('-----BEGIN CERTIFICATE REQUEST-----'),
      Buffer.alloc(csrBytesMax),
    ]) {
      assert.throws(
        () => readCsr(bad),
        (e) => isServiceError(e, 'INVALID_FIELD'),
      );
    }
    assert.throws(
      () => readCsr(Buffer.alloc(csrBytesMax + 1)),
      (e) => isServiceError(e, 'MESSAGE_TOO_LARGE'),
    );
  });
});

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
    assert.equal((await readCsr(csrDer)).publicKeySha256, publicKeySha256);
  });

  it('of openssl is taken, whatever it asks for', async () => {
    const csr = opensslCsr(
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      '-subj',
      '/CN=root',
      '-addext',
      'subjectAltName=URI:spiffe://stint.test/stint/auditor,email:a@b.c',
      '-addext',
      'basicConstraints=critical,CA:TRUE',
    );
    assert.equal((await readCsr(csr)).publicKeyDer.length, 91);
  });

  it('for RSA, another curve or spelled-out curve parameters is refused', async () => {
    const others = [
      ['rsa:2048'],
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
      ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
      ['ed25519'],
    ];
    for (const options of others) {
      await assert.rejects(
        readCsr(opensslCsr(options)),
        (e) => isServiceError(e, 'INVALID_FIELD'),
        options.join(' '),
      );
    }
  });

  it('with a byte changed anywhere is refused, or gives the same key', async () => {
    const { csrDer, publicKeySha256 } = await newSvidKey();
    for (let i = 0; i < csrDer.length; i++) {
      const changed = Buffer.from(csrDer);
      changed[i] = (changed[i] ?? 0) ^ 0x01;
      const result = await readCsr(changed).catch((e: unknown) => {
        assert.ok(isServiceError(e, 'INVALID_FIELD'), `byte ${i}: ${e}`);
        return undefined;
      });
      if (result !== undefined) assert.equal(result.publicKeySha256, publicKeySha256, `byte ${i}`);
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
      await assert.rejects(readCsr(bad), (e) => isServiceError(e, 'INVALID_FIELD'));
    }
    await assert.rejects(readCsr(Buffer.alloc(csrBytesMax + 1)), (e) =>
      isServiceError(e, 'MESSAGE_TOO_LARGE'),
    );
  });
});

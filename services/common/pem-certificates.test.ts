import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { TestCa } from '../../test/harness/test-ca.ts';
import { pemLengthMax, readCertificates } from './pem-certificates.ts';

let ca: TestCa;

before(async () => {
  ca = await TestCa.create();
});

const fault = (message: string) => ({ name: 'PemCertificatesError', message });

test('certificates are read in their order, whatever stands between them', async () => {
  const other = await TestCa.create();
  const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
  assert.deepEqual(readCertificates(`root:\n${ca.bundlePem}${key}${other.bundlePem}`), [
    ca.rootDer,
    other.rootDer,
  ]);
});

test('a text without a certificate is refused, and one that is too long', () => {
  assert.throws(() => readCertificates('hello'), fault('it holds no certificate in PEM'));
  const long = ca.bundlePem.padEnd(pemLengthMax + 1, '\n');
  assert.throws(() => readCertificates(long), fault('it is longer than 65536 characters'));
  assert.equal(readCertificates(long.slice(0, -1)).length, 1);
});

test('a certificate that is damaged or cut short is named by its number', () => {
  const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  for (const text of [`${ca.bundlePem}${damaged}`, `${ca.bundlePem}${damaged}${ca.bundlePem}`])
    assert.throws(() => readCertificates(text), fault('certificate 2 of it cannot be decoded'));
  const cut = `${ca.bundlePem}${ca.bundlePem.slice(0, 100)}`;
  assert.throws(() => readCertificates(cut), fault('certificate 2 of it has no end'));
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../../deploy/tools.ts';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import { TestCa } from '../../../test/harness/test-ca.ts';

const run = promisify(execFile);
const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');

test('an SVID for the bus that cannot be used is named by its file and its fault, not by that of OpenSSL', async (t) => {
  const directory = tempDir(t);
  const write = (name: string, text: string) =>
    writeFileSync(path.join(directory, name), text, { mode: 0o600 });
  const refusal = async () => {
    const args = ['bus', 'create', '--server', 'localhost:1', '--svid', directory, '-o', 'json'];
    const { stderr } = (await run(process.execPath, [launcher, ...args]).catch(
      (thrown: unknown) => thrown,
    )) as { stderr: string };
    const { what, why, reason } = JSON.parse(stderr).error;
    return [what.replaceAll(directory, '.'), why, reason];
  };
  const { bundlePem } = await TestCa.create();
  const damaged = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  assert.deepEqual(await refusal(), [
    '"./svid.pem" cannot be read',
    'there is no such file',
    'FILE_UNUSABLE',
  ]);
  write('svid.pem', bundlePem);
  write('bundle.pem', `${bundlePem}${damaged}`);
  const what = '"./bundle.pem" cannot be read as certificates';
  assert.deepEqual(await refusal(), [what, 'certificate 2 of it cannot be decoded', 'FILE_UNUSABLE']);
  write('bundle.pem', bundlePem);
  write('svid.key', damaged);
  assert.deepEqual(await refusal(), [
    'the SVID received cannot be used',
    'its key is no private key in PEM',
    'IDENTITY_NOT_READY',
  ]);
});

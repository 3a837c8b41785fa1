import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/harness/temp-dir.ts';
import { readVerifierKeyFile } from './input-file.ts';
import { formatVerifierKey } from './signed-note.ts';

test('a verifier key is read; of a file that holds none is said which and why', (t) => {
  const directory = tempDir(t);
  const file = path.join(directory, 'log.vkey');
  const refusal = (what: string, why: string) => ({ name: 'InputFileError', what, why });
  assert.throws(
    () => readVerifierKeyFile(file),
    refusal(`"${file}" cannot be read`, 'there is no such file'),
  );
  assert.throws(
    () => readVerifierKeyFile(directory),
    refusal(`"${directory}" cannot be read`, 'it is a directory'),
  );
  writeFileSync(file, 'hello');
  const why = 'a verifier key is one line: name+id+base64';
  assert.throws(() => readVerifierKeyFile(file), refusal(`"${file}" holds no verifier key`, why));
  const { publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(file, `${formatVerifierKey('stint.local/log', publicKey)}\n`);
  assert.equal(readVerifierKeyFile(file).name, 'stint.local/log');
});

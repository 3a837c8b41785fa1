import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { DatabaseCredential__Output } from '@stint/common/gen/stint/broker/v1/DatabaseCredential.ts';
import { tempDir } from '../../../test/harness/temp-dir.ts';
import { CliError } from '../cli-error.ts';
import {
  credentialForm,
  makeCredentialDirectory,
  pgpassLine,
  writeCredentialFiles,
} from './credential-files.ts';

const database: DatabaseCredential__Output = {
  engine: 'postgresql',
  host: 'db.example',
  port: 5432,
  database: 'demo',
  username: 'stint_b1_x',
  password: 'p:a\\ss word',
  sslmode: 'require',
};

const at = { directory: '/private', envSecrets: false };

test('a password file escapes what parts its fields', () => {
  assert.equal(pgpassLine(['h', '1', 'd:b', 'u\\s', 'p:\\']), 'h:1:d\\:b:u\\\\s:p\\:\\\\\n');
});

test('a value with a line break is refused, in whatever field it stands', () => {
  for (const field of ['password', 'username', 'database', 'host'] as const) {
    const credential = { database: { ...database, [field]: 'a\nb' } };
    assert.throws(
      () => credentialForm(credential, at),
      (thrown) => thrown instanceof CliError && thrown.failure.reason === 'CREDENTIAL_UNSUPPORTED',
    );
  }
});

test('a database user is given in the ways of libpq, its password in a file alone', () => {
  const { environment, files } = credentialForm({ database }, at);
  assert.deepEqual(environment, {
    PGHOST: 'db.example',
    PGPORT: '5432',
    PGDATABASE: 'demo',
    PGUSER: 'stint_b1_x',
    PGPASSFILE: '/private/pgpass',
    PGSSLMODE: 'require',
    PGSERVICEFILE: '/private/pg_service.conf',
    PGSERVICE: 'stint',
    PGPASSWORD: undefined,
    PGHOSTADDR: undefined,
  });
  assert.equal(files['pgpass'], 'db.example:5432:demo:stint_b1_x:p\\:a\\\\ss word\n');
  assert.equal(
    files['pg_service.conf'],
    '[stint]\nhost=db.example\nport=5432\ndbname=demo\nuser=stint_b1_x\nsslmode=require\n',
  );
});

test('a token is given in a file alone, and in a variable when asked', () => {
  const token = { token: 'a.b.c', tokenType: 'Bearer' };
  const { environment, files } = credentialForm({ token }, at);
  assert.deepEqual(environment, { STINT_TOKEN_FILE: '/private/token', STINT_TOKEN: undefined });
  assert.deepEqual(files, { token: 'a.b.c' });
  assert.equal(credentialForm({ token }, { ...at, envSecrets: true }).environment['STINT_TOKEN'], 'a.b.c');
  assert.equal(
    credentialForm({ database }, { ...at, envSecrets: true }).environment['PGPASSWORD'],
    database.password,
  );
});

test('files are ours alone, in memory where the system has it, and gone after removal', async (t) => {
  const runtime = tempDir(t);
  const directory = await makeCredentialDirectory({ XDG_RUNTIME_DIR: runtime });
  assert.equal(path.dirname(directory.path), runtime);
  await writeCredentialFiles(directory.path, { token: 'secret' });
  assert.equal(statSync(directory.path).mode & 0o777, 0o700);
  assert.equal(statSync(path.join(directory.path, 'token')).mode & 0o777, 0o600);
  assert.equal(readFileSync(path.join(directory.path, 'token'), 'utf8'), 'secret');
  await directory.remove();
  assert.equal(existsSync(directory.path), false);
  const elsewhere = await makeCredentialDirectory({ XDG_RUNTIME_DIR: path.join(runtime, 'absent') });
  assert.notEqual(path.dirname(elsewhere.path), runtime);
  await elsewhere.remove();
});

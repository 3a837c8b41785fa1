import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import type { Profile, Resource } from '../../domain/registry.ts';
import { postgresConfig, postgresConfigFaults } from './config.ts';
import { errorCode, type Purpose, providerFailure } from './failure.ts';
import { connectionLimit, profileFaults } from './profile.ts';

const valid = { host: 'db.example.org', passwordFile: '/run/secrets/pg' };

test('the least that must be said is host and password, and the rest is safe', () => {
  assert.deepEqual(postgresConfigFaults(valid), []);
  const config = postgresConfig({ settings: valid, password: new Secret('x'), ca: undefined });
  assert.equal(config.sslmode, 'verify-full');
  assert.equal(config.port, 5_432);
  assert.equal(config.connectionsMax, 4);
  assert.equal(config.scramIterations, 4_096);
});

test('each faulty setting is named, all at once', () => {
  const faulty: readonly [Readonly<Record<string, string>>, RegExp][] = [
    [{ host: '' }, /"host"/],
    [{ host: 'a b' }, /"host"/],
    [{ port: '0' }, /"port".*1 to 65535/],
    [{ port: '70000' }, /"port"/],
    [{ connections: '17' }, /"connections".*1 to 16/],
    [{ scramIterations: '1' }, /"scramIterations".*4096/],
    [{ statementTimeoutMs: '1e3' }, /"statementTimeoutMs"/],
    [{ sslmode: 'require' }, /"sslmode"/],
    [{ sslmode: 'disable' }, /loopback/],
    [{ user: 'a\nb' }, /"user"/],
    [{ sslMode: 'disable' }, /"sslMode" is not known/],
  ];
  for (const [settings, fault] of faulty)
    assert.match(postgresConfigFaults({ ...valid, ...settings }).join('\n'), fault);
  assert.equal(postgresConfigFaults({ port: 'x', connections: 'y' }).length, 4);
  assert.deepEqual(postgresConfigFaults({ ...valid, host: '127.0.0.1', sslmode: 'disable' }), []);
});

test('a profile names a group role, a resource a database, and neither anything unknown', () => {
  const faultsOf = (target: Record<string, string>, settings: Record<string, string>) =>
    profileFaults({ target } as unknown as Resource, { settings } as unknown as Profile, 'dev').join('\n');
  assert.equal(faultsOf({ database: 'demo' }, { groupRole: 'demo_read', connectionLimit: '3' }), '');
  assert.match(faultsOf({}, {}), /"database" is missing\n.*"groupRole" is missing/);
  assert.match(
    faultsOf({ database: 'demo', schema: 'x' }, { groupRole: 'a', role: 'b' }),
    /"schema" is not known.*\n.*"role" is not known/,
  );
  assert.match(faultsOf({ database: 'demo' }, { groupRole: 'pg_monitor' }), /PostgreSQL's own/);
  assert.match(faultsOf({ database: 'demo' }, { groupRole: 'stint_dev_x' }), /are for leases/);
  assert.match(faultsOf({ database: 'demo' }, { groupRole: 'a', connectionLimit: '101' }), /1 to 100/);
  assert.equal(connectionLimit({ settings: {} } as unknown as Profile), 5);
});

test('failures are classed by SQLSTATE and error number, and carry no text of the driver', () => {
  const table: readonly [string | undefined, Purpose, string][] = [
    ['42710', 'create', 'definite'],
    ['57014', 'create', 'definite'],
    ['57P01', 'create', 'ambiguous'],
    ['XX000', 'create', 'ambiguous'],
    ['40003', 'create', 'ambiguous'],
    ['ECONNRESET', 'create', 'ambiguous'],
    ['EPIPE', 'create', 'ambiguous'],
    [undefined, 'create', 'ambiguous'],
    ['42704', 'change', 'definite'],
    ['ECONNREFUSED', 'connect', 'unreachable'],
    ['57P03', 'connect', 'unreachable'],
    ['53300', 'connect', 'unreachable'],
    ['28P01', 'connect', 'blocked'],
    ['3D000', 'connect', 'blocked'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'connect', 'blocked'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'connect', 'blocked'],
    ['42501', 'connect', 'blocked'],
    ['CERT_HAS_EXPIRED', 'connect', 'blocked'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'connect', 'blocked'],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'connect', 'blocked'],
    ['42501', 'end', 'blocked'],
    ['2BP01', 'end', 'blocked'],
    ['55P03', 'end', 'unreachable'],
    ['40P01', 'end', 'unreachable'],
    ['57P01', 'end', 'ambiguous'],
  ];
  for (const [code, purpose, kind] of table) {
    const failure = providerFailure(Object.assign(new Error("PASSWORD 's3cret'"), { code }), purpose);
    assert.equal(failure.kind, kind, `${code} while ${purpose}`);
    assert.equal(failure.cause, undefined);
    assert.doesNotMatch(failure.message, /s3cret/);
    const mayBeMended = purpose === 'connect' && (kind === 'blocked' || code === '53300');
    assert.equal(failure.remedy !== undefined, mayBeMended, `${code} while ${purpose}`);
    assert.ok(`it does not let the broker in (${code}): ${failure.remedy}`.length <= 160);
    assert.ok((failure.remedy ?? '').length <= 90);
  }
  assert.equal(errorCode({ code: 'free text; with anything' }), 'CONNECTION_LOST');
  for (const text of [
    'tuple concurrently updated',
    'tuple concurrently deleted',
    'could not find tuple for role 16423',
  ]) {
    const met = Object.assign(new Error(text), { code: 'XX000' });
    assert.deepEqual(
      (['create', 'change', 'end'] as const).map((purpose) => providerFailure(met, purpose).kind),
      ['definite', 'definite', 'unreachable'],
    );
    assert.equal(providerFailure(met, 'end').target, 'answers');
  }
});

import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import { systemClock } from '@stint/common/time.ts';
import { ProviderFailure } from '../../services/broker/app/ports/provider.ts';
import { postgresConfig, postgresConfigFaults } from '../../services/broker/providers/postgres/config.ts';
import { PostgresProvider } from '../../services/broker/providers/postgres/provider.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { brokerName, type PostgresTarget, postgresTarget } from '../harness/postgres-target.ts';
import { skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { TestCa } from '../harness/test-ca.ts';

const { signal } = new AbortController();
/** The user that servers run as when the tests run as root. */
const nobodyId = 65_534;

describe('postgres provider over TLS', { skip: skipWithoutPostgres }, () => {
  const scope = suiteScope();
  let postgres: PostgresTarget;
  let ca: TestCa;
  before(async () => {
    ca = await TestCa.create();
    const { svid } = await ca.issue('spiffe://stint.local/db', {
      dnsNames: ['localhost'],
      purposes: ['server'],
    });
    const directory = tempDir(scope);
    chmodSync(directory, 0o755);
    const write = (name: string, contents: string) => {
      const file = path.join(directory, name);
      writeFileSync(file, contents, { mode: 0o600 });
      if (process.getuid?.() === 0) chownSync(file, nobodyId, nobodyId);
      return file;
    };
    postgres = await postgresTarget(scope, {
      settings: {
        ssl: 'on',
        ssl_cert_file: write('server.pem', svid.certificatesPem),
        ssl_key_file: write('server.key', svid.privateKeyPem.revealText()),
      },
    });
  });

  /** Opens a provider of its own and lists: the least that needs a connection. */
  const listWith = async (options: {
    readonly host: string;
    readonly ca: string;
    readonly password?: Secret;
    readonly database?: string;
  }) => {
    const settings = {
      host: options.host,
      port: String(postgres.server.current().port),
      passwordFile: 'given',
      ...(options.database === undefined ? {} : { database: options.database }),
    };
    assert.deepEqual(postgresConfigFaults(settings), []);
    const config = postgresConfig({
      settings,
      password: options.password ?? postgres.brokerPassword,
      ca: options.ca,
    });
    const provider = new PostgresProvider({
      name: 'tls',
      brokerName,
      config,
      clock: systemClock,
    });
    try {
      await provider.listEntities(signal);
      return await postgres.admin(
        `SELECT s.ssl, s.version FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'stint_broker'`,
      );
    } finally {
      await provider.close();
    }
  };

  test('the broker speaks TLS to a server whose certificate and name it has checked', async () => {
    const sessions = await listWith({ host: 'localhost', ca: ca.bundlePem });
    assert.deepEqual(sessions, [{ ssl: true, version: 'TLSv1.3' }]);
  });

  test('a certificate for another name is not accepted', async () => {
    await assert.rejects(
      listWith({ host: '127.0.0.1', ca: ca.bundlePem }),
      isBlocked('ERR_TLS_CERT_ALTNAME_INVALID', /"host"/),
    );
  });

  test('a certificate of another authority is not accepted', async () => {
    const other = await TestCa.create();
    await assert.rejects(
      listWith({ host: 'localhost', ca: other.bundlePem }),
      isBlocked(/CERT|SIGNATURE/, /"caFile"/),
    );
  });

  test('a server without TLS is not spoken to in the clear', async (t) => {
    const plain = await postgresTarget(t);
    const proxy = await faultProxy(t, plain.server.current());
    const config = postgresConfig({
      settings: { host: 'localhost', port: String(proxy.port), passwordFile: 'given' },
      password: plain.brokerPassword,
      ca: ca.bundlePem,
    });
    const provider = new PostgresProvider({
      name: 'tls',
      brokerName,
      config,
      clock: systemClock,
    });
    let isNamed = false;
    void proxy.onRequest('stint_broker', { direction: 'request', fault: 'pass' }).then(() => {
      isNamed = true;
    });
    await assert.rejects(provider.listEntities(signal), isBlocked('TLS_NOT_OFFERED', /ssl = on/));
    await provider.close();
    assert.deepEqual([proxy.accepted() > 0, isNamed], [true, false], 'who would log in is not said');
  });

  test('a database that is not there, or not open to the broker, is told as that', async () => {
    const there = { host: 'localhost', ca: ca.bundlePem };
    await assert.rejects(listWith({ ...there, database: 'nowhere' }), isBlocked('3D000', /"database"/));
    await postgres.admin('CREATE DATABASE closed');
    await postgres.admin('REVOKE CONNECT ON DATABASE closed FROM PUBLIC');
    await assert.rejects(
      listWith({ ...there, database: 'closed' }),
      isBlocked('42501', /GRANT CONNECT ON DATABASE/),
    );
  });

  test('a wrong password of the broker is told by its code, and waiting will not mend it', async () => {
    const password = new Secret('not the password');
    await assert.rejects(
      listWith({ host: 'localhost', ca: ca.bundlePem, password }),
      isBlocked('28P01', /"passwordFile"/),
    );
  });
});

function isBlocked(code: string | RegExp, remedy: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof ProviderFailure, String(thrown));
    assert.equal(thrown.kind, 'blocked', thrown.code);
    if (typeof code === 'string') assert.equal(thrown.code, code);
    else assert.match(thrown.code, code);
    assert.match(thrown.remedy ?? '', remedy);
    return true;
  };
}

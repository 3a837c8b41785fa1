import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import { systemClock } from '@stint/common/time.ts';
import { postgresSetupScript } from '../../deploy/postgres/setup-script.ts';
import { postgresConfig } from '../../services/broker/providers/postgres/config.ts';
import { PostgresProvider } from '../../services/broker/providers/postgres/provider.ts';
import { adminQuery } from '../harness/admin-query.ts';
import {
  demoResource,
  loginWith,
  newIntent,
  postgresVersions,
  readProfile,
} from '../harness/postgres-target.ts';
import { type ScratchPostgres, scratchPostgres } from '../harness/scratch-servers.ts';

const password = new Secret("it's a password");
const profile = { ...readProfile, settings: { groupRole: 'shop_read' } };
const resource = { ...demoResource, target: { database: 'shop' }, profiles: [profile] };
const setup = {
  brokerRole: 'stint_broker',
  brokerPassword: password,
  groupRoles: ['shop_read'],
  databases: ['shop'],
};

const asSuperuser = (server: ScratchPostgres, database: string, sql: string) =>
  adminQuery({ server: server.current(), password: server.password, database }, sql);

for (const { label, programs, skip } of postgresVersions) {
  describe(`the printed set-up script on ${label}`, { skip }, () => {
    const majorVersion = Number(label.split(' ')[1]);

    test('makes a bare server a target: the provider finds nothing wrong, and its leases read', async (t) => {
      const server = await scratchPostgres(t, programs === undefined ? {} : { programs });
      await asSuperuser(server, 'postgres', 'CREATE DATABASE shop');
      await asSuperuser(server, 'postgres', 'REVOKE ALL ON DATABASE shop FROM PUBLIC');
      const script = await postgresSetupScript({ majorVersion, ...setup });
      assert.doesNotMatch(script, /a password/);
      for (let time = 0; time < 2; time++) await asSuperuser(server, 'postgres', script);
      await asSuperuser(server, 'shop', 'CREATE TABLE orders (id int); GRANT SELECT ON orders TO shop_read');
      const { host, port } = server.current();
      const config = postgresConfig({
        settings: { host, port: String(port), sslmode: 'disable' },
        password,
        ca: undefined,
      });
      const provider = new PostgresProvider({
        name: 'demo-postgres',
        brokerName: 'test_1',
        config,
        clock: systemClock,
      });
      t.after(() => provider.close());
      const place = { resource, profile };
      const { signal } = new AbortController();
      const check = await provider.checkTarget([place], signal);
      assert.deepEqual(check.faults, []);
      const { lease } = newIntent(provider, { now: systemClock.now() });
      const { credential } = await provider.create(lease, place, signal);
      const client = await loginWith(credential);
      assert.equal((await client.query('SELECT * FROM orders')).rowCount, 0);
      await client.end();
    });

    test('is refused by a server of the other kind, and changes nothing there', async (t) => {
      const server = await scratchPostgres(t, programs === undefined ? {} : { programs });
      const script = await postgresSetupScript({
        ...setup,
        majorVersion: majorVersion < 16 ? 16 : 15,
        databases: [],
      });
      // Sent in one message it is parsed whole, and 15 does not know the words for 16.
      await assert.rejects(asSuperuser(server, 'postgres', script), /made for PostgreSQL|syntax error/);
      await assert.rejects(
        asSuperuser(server, 'postgres', 'ALTER ROLE stint_broker LOGIN'),
        /does not exist/,
      );
    });
  });
}

test('a group’s name that the provider would not take is refused before anything is printed', async () => {
  const options = { majorVersion: 18, ...setup };
  for (const name of ['pg_read_all_data', 'stint_graveyard', 'Shop"; DROP TABLE x; --', ''])
    await assert.rejects(postgresSetupScript({ ...options, groupRoles: [name] }));
});

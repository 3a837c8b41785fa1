import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import pg from 'pg';
import { demoDatabase, prepareDemoDatabase } from '../../deploy/demo/demo-database.ts';
import { postgresTarget } from '../harness/postgres-target.ts';
import { skipWithoutPostgres } from '../harness/scratch-servers.ts';

test('preparing the demo database again keeps its rows, mends its rights and sets the new password', {
  skip: skipWithoutPostgres,
}, async (t) => {
  const target = await postgresTarget(t);
  const { host, port, superuser } = target.server.current();
  await target.admin(`DELETE FROM orders WHERE id = 1; UPDATE orders SET item = 'changed' WHERE id = 2`);
  await target.admin(`REVOKE ALL ON orders FROM ${demoDatabase.readRole}; ALTER ROLE stint_broker CREATEDB`);
  const brokerPassword = new Secret('another password');
  await prepareDemoDatabase({
    host,
    port,
    superuser,
    superuserPassword: target.server.password,
    brokerRole: 'stint_broker',
    brokerPassword,
  });
  const rows = await target.admin('SELECT id, item FROM orders ORDER BY id LIMIT 2');
  assert.deepEqual(rows, [
    { id: 1, item: 'difference engine' },
    { id: 2, item: 'changed' },
  ]);
  const [rights] = await target.admin(
    `SELECT has_table_privilege('${demoDatabase.readRole}', 'orders', 'SELECT') AS can_read, rolcreatedb FROM pg_roles WHERE rolname = 'stint_broker'`,
  );
  assert.deepEqual(rights, { can_read: true, rolcreatedb: false });
  const login = (password: Secret) =>
    new pg.Client({
      host,
      port,
      user: 'stint_broker',
      database: 'postgres',
      password: password.revealText(),
    });
  await assert.rejects(login(target.brokerPassword).connect(), { code: '28P01' });
  const broker = login(brokerPassword);
  await broker.connect();
  await broker.end();
});

test('nobody but the groups and the broker may connect to the demo database', {
  skip: skipWithoutPostgres,
}, async (t) => {
  const target = await postgresTarget(t);
  await target.admin(`CREATE ROLE stranger LOGIN PASSWORD 'known'`);
  const { host, port } = target.server.current();
  const stranger = new pg.Client({
    host,
    port,
    user: 'stranger',
    database: demoDatabase.database,
    password: 'known',
  });
  await assert.rejects(stranger.connect(), { code: '42501' });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { Secret } from '@stint/common/secret.ts';
import pg from 'pg';
import { startPostgres } from '../../deploy/servers/postgres.ts';
import { processesIn, waitUntilEmpty } from '../../deploy/servers/processes-in.ts';
import { adminQuery } from '../harness/admin-query.ts';
import { type ScratchPostgres, scratchPostgres, skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const scratchOptions = { skip: skipWithoutPostgres };

describe('local PostgreSQL', scratchOptions, () => {
  test('takes the superuser with the password and nobody without it', async (t) => {
    const postgres = await scratchPostgres(t);
    assert.deepEqual(await query(postgres, 'select 1 as one'), [{ one: 1 }]);
    const wrong = { server: postgres.current(), password: new Secret('wrong') };
    await assert.rejects(adminQuery(wrong, 'select 1'), { code: '28P01' });
    const rules = await query(postgres, 'select distinct auth_method from pg_hba_file_rules');
    assert.deepEqual(rules, [{ auth_method: 'scram-sha-256' }]);
    const listens = await query(postgres, 'show listen_addresses');
    assert.deepEqual(listens, [{ listen_addresses: '127.0.0.1' }]);
  });

  test('keeps what was committed through kill -9 and starts again on the same port', async (t) => {
    const postgres = await scratchPostgres(t, { isDurable: true });
    const { port } = postgres.current();
    await query(postgres, 'create table kept (n int)');
    await query(postgres, 'insert into kept values (1)');
    await postgres.crash();
    await postgres.restart();
    assert.equal(postgres.current().port, port);
    assert.deepEqual(await query(postgres, 'select n from kept'), [{ n: 1 }]);
  });

  test('starts over a stale postmaster.pid whose process id is somebody else by now', async (t) => {
    const directory = path.join(tempDir(t), 'server');
    const password = new Secret('a password');
    const first = await startPostgres({ directory, password, isDurable: false });
    await first.crash();
    const pidFile = path.join(directory, 'data/postmaster.pid');
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid)));
    const second = await startPostgres({ directory, password, isDurable: false });
    await second.stop();
  });

  test('refuses a folder that a running server holds, and leaves that server alone', async (t) => {
    const postgres = await scratchPostgres(t);
    const directory = (await query(postgres, 'show data_directory')) as [{ data_directory: string }];
    await assert.rejects(
      startPostgres({
        directory: path.dirname(directory[0].data_directory),
        password: postgres.password,
        leftoverDeadlineMs: 50,
      }),
      /is in use by process \d+/,
    );
    assert.deepEqual(await query(postgres, 'select 1 as one'), [{ one: 1 }]);
  });

  test('stops at its deadline though a session of it hangs, and leaves no process but others than its own', async (t) => {
    const directory = path.join(tempDir(t), 'server');
    const password = new Secret('a password');
    const server = await startPostgres({ directory, password, isDurable: false });
    const client = new pg.Client({
      host: server.host,
      port: server.port,
      user: 'postgres',
      password: 'a password',
    });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query('select pg_backend_pid() as pid');
    const bystander = spawn('sleep', ['60'], { cwd: path.join(directory, 'data') });
    t.after(() => void bystander.kill());
    process.kill(rows[0].pid, 'SIGSTOP');
    await server.stop(100);
    // A process that was killed stands in its folder for an instant after its program is gone.
    await until('only the bystander is left', 5_000, () =>
      processesIn(directory).every((pid) => pid === bystander.pid),
    );
    assert.deepEqual(processesIn(directory), [bystander.pid]);
  });

  test('ends when the process that started it is killed', async (t) => {
    const directory = path.join(tempDir(t), 'server');
    const script = `
      const { startPostgres } = await import(${JSON.stringify(path.resolve(import.meta.dirname, '../../deploy/servers/postgres.ts'))});
      const { Secret } = await import('@stint/common/secret.ts');
      await startPostgres({ directory: ${JSON.stringify(directory)}, password: new Secret('x'), isDurable: false });
      console.log('started');
    `;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(parent, 'exit').then(() =>
      assert.fail('the parent ended before it had started a server'),
    );
    await Promise.race([once(createInterface({ input: parent.stdout }), 'line'), ended]);
    ended.catch(() => undefined); // from here on its end is what we want
    parent.kill('SIGKILL');
    assert.deepEqual(await waitUntilEmpty(directory, 10_000), []);
  });
});

const query = (postgres: ScratchPostgres, sql: string) =>
  adminQuery({ server: postgres.current(), password: postgres.password }, sql);

import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { startNatsServer } from '../../deploy/servers/nats-server.ts';
import { scratchNats, skipWithoutNats } from '../harness/scratch-servers.ts';
import { tempDir } from '../harness/temp-dir.ts';

describe('local nats-server', { skip: skipWithoutNats }, () => {
  test('keeps a file stream through kill -9 and comes back on the same port', async (t) => {
    const nats = await scratchNats(t);
    const { port } = nats.current();
    await withConnection(port, async (connection) => {
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: 'kept', subjects: ['kept.>'], storage: 'file' });
      await jetstream(connection).publish('kept.one', 'message');
    });
    await nats.crash();
    await nats.restart();
    assert.equal(nats.current().port, port);
    await withConnection(port, async (connection) => {
      const info = await (await jetstreamManager(connection)).streams.info('kept');
      assert.equal(info.state.messages, 1);
      assert.equal(info.config.storage, 'file');
    });
  });

  test('applies the users of its config', async (t) => {
    const nats = await scratchNats(t, { config: () => 'authorization { user: reader, password: "right" }' });
    const servers = `127.0.0.1:${nats.current().port}`;
    await assert.rejects(
      connect({ servers, user: 'reader', pass: 'wrong', reconnect: false }),
      /Authorization/i,
    );
    await (await connect({ servers, user: 'reader', pass: 'right' })).close();
  });

  test('says what is wrong with a faulty config', async (t) => {
    const directory = path.join(tempDir(t), 'server');
    await assert.rejects(
      startNatsServer({ directory, config: 'no_such_setting: 1' }),
      /unknown field "no_such_setting"/,
    );
  });

  test('refuses a folder that a running server holds', async (t) => {
    const directory = path.join(tempDir(t), 'server');
    const first = await startNatsServer({ directory, config: '' });
    t.after(() => first.stop());
    await assert.rejects(
      startNatsServer({ directory, config: '', leftoverDeadlineMs: 50 }),
      /is in use by process \d+/,
    );
  });
});

async function withConnection(
  port: number,
  use: (connection: NatsConnection) => Promise<void>,
): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  try {
    await use(connection);
  } finally {
    await connection.close();
  }
}

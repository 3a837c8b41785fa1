import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { services } from '@stint/common/proto.ts';
import { systemClock } from '@stint/common/time.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { connectTo, type EchoHandlers, echoService, openRow, startEcho } from '../harness/echo-server.ts';
import { tempDir } from '../harness/temp-dir.ts';

const { access } = services;

test('a server does not start when a method has no row, a row has no method, or a handler is missing: it lists them all', async () => {
  const { definition, methods, handlers } = echoService();
  const { RenewLease: _row, ...rows } = methods;
  const { CompleteGrant: _handler, ...rest } = handlers;
  const broken = { definition, methods: { ...rows, Invented: openRow }, handlers: rest };
  const { log } = capturedLog();
  await assert.rejects(
    startGrpcServer({ name: 'echo', log, clock: systemClock, listeners: [], services: [broken] }),
    (thrown) => {
      for (const fault of [
        /RenewLease has no row/,
        /CompleteGrant has no handler/,
        /"Invented" is no method/,
      ])
        assert.match(String(thrown), fault);
      return true;
    },
  );
});

describe('a unix socket', () => {
  const start = (t: TestContext, socket: string) =>
    startEcho(t, { listeners: [{ kind: 'unix', path: socket }] });

  test('is refused in a directory that others may enter', async (t) => {
    const directory = path.join(tempDir(t), 'open');
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    await assert.rejects(start(t, path.join(directory, 's')), /chmod 0?700/);
  });

  test('is refused in a linked directory', async (t) => {
    const directory = tempDir(t);
    mkdirSync(path.join(directory, 'real'), { mode: 0o700 });
    symlinkSync(path.join(directory, 'real'), path.join(directory, 'link'));
    await assert.rejects(start(t, path.join(directory, 'link', 's')), /not a directory/);
  });

  test('is refused when its path is longer than the system can hold, in bytes', async (t) => {
    await assert.rejects(start(t, path.join(tempDir(t), 'ü'.repeat(50))), /at most 104: use a shorter path/);
  });

  test('takes over from a process that died, not from one that answers, and leaves other files alone', async (t) => {
    const socket = path.join(tempDir(t), 's');
    const stale = createServer();
    stale.listen(socket);
    await once(stale, 'listening');
    await assert.rejects(start(t, socket), /another process answers/);
    const file = path.join(tempDir(t), 'f');
    writeFileSync(file, '');
    await assert.rejects(start(t, file), /not a socket/);
    stale.close();
  });

  test('knows its callers as local, and gives each call an id of its own', async (t) => {
    const seen: unknown[] = [];
    const socket = path.join(tempDir(t), 's');
    const RequestAccess: EchoHandlers['RequestAccess'] = (_request, call) => {
      seen.push(call.caller, [call.requestId, call.requestId], call.traceparent);
      return {};
    };
    const listeners = [{ kind: 'unix', path: socket }] as const;
    const server = await startEcho(t, { listeners, services: [echoService({ RequestAccess })] });
    const channel = connectTo(t, server);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await channel.call(access.RequestAccess, {}, { metadata: { traceparent } });
    const ids = seen[1] as string[];
    assert.match(ids[0] ?? '', /^req_/);
    assert.deepEqual(seen, [{ kind: 'local' }, [ids[0], ids[0]], traceparent]);
  });

  test('is gone when its server has stopped', async (t) => {
    const socket = path.join(tempDir(t), 's');
    const server = await start(t, socket);
    await server.close(0);
    assert.equal(existsSync(socket), false);
  });
});

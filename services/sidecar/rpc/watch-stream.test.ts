import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { WatchResponse } from '@stint/common/gen/stint/sidecar/v1/WatchResponse.ts';
import type { CallContext } from '@stint/common/grpc-method.ts';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { systemClock } from '@stint/common/time.ts';
import { GrantEndings } from '../app/grant-endings.ts';
import type { Access, Broker } from '../app/ports.ts';
import { WatchLeases } from '../app/watch-leases.ts';
import { WatchSessions } from '../app/watch-sessions.ts';
import { LeaseCache } from '../domain/lease-cache.ts';
import { eventsWaitingMax, serveWatch } from './watch-stream.ts';

function openWatch(drained: () => Promise<void>) {
  const sessions = new WatchSessions();
  const log = createLog({ service: 'test', level: 'silent' });
  // No lease is held here, so the broker is never asked.
  const endings = new GrantEndings({
    broker: {} as Broker,
    clock: systemClock,
    log,
    leasesMax: 10,
    retryMs: 1,
  });
  const watch = new WatchLeases({ cache: new LeaseCache<Access>(), sessions, endings });
  const controller = new AbortController();
  const written: WatchResponse[] = [];
  const out = { write: (message: WatchResponse) => written.push(message) < 3, drained };
  const call = { signal: controller.signal } as CallContext;
  const served = serveWatch(watch, { request: { name: '' }, out, call });
  const id = written[0]?.opened?.sessionId ?? '';
  const [leaseId, grantId] = [newId('lease', 0), newId('grant', 0)];
  const tell = (reason: string) => sessions.tell([id], { kind: 'ended', leaseId, grantId, reason });
  return { sessions, controller, written, served, tell };
}

test('events come in order after the opening, and the reader’s pace is kept', async () => {
  const room = Promise.withResolvers<void>();
  const { controller, written, served, tell, sessions } = openWatch(() => room.promise);
  for (const reason of ['a', 'b', 'c', 'd']) tell(reason);
  await new Promise(setImmediate);
  assert.deepEqual(
    written.map(({ ended }) => ended?.reason),
    [undefined, 'a', 'b'],
  );
  room.resolve();
  await new Promise(setImmediate);
  assert.deepEqual(
    written.map(({ ended }) => ended?.reason),
    [undefined, 'a', 'b', 'c', 'd'],
  );
  controller.abort(new Error('gone'));
  await assert.rejects(served, /gone/);
  assert.equal(sessions.size, 0);
});

test('a stream that is not read is ended, and its session with it', async () => {
  const room = Promise.withResolvers<void>();
  const { served, tell, sessions } = openWatch(() => room.promise);
  for (let i = 0; i < eventsWaitingMax + 10; i++) tell(String(i));
  room.resolve();
  await assert.rejects(served, (error) => isServiceError(error, 'RATE_LIMITED'));
  assert.equal(sessions.size, 0);
});

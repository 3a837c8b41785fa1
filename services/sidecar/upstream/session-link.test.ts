import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import type { MessageView__Output } from '@stint/common/gen/stint/sidecar/v1/MessageView.ts';
import type { SessionView__Output } from '@stint/common/gen/stint/sidecar/v1/SessionView.ts';
import { systemClock } from '@stint/common/time.ts';
import { type LinkEvents, linkTimes, SessionLink } from './session-link.ts';

/** A link on which the broker says one frame of so many messages and then nothing. */
function openLink(t: TestContext, count: number, message: LinkEvents['message']) {
  const messages = Array.from({ length: count }, (_, id) => ({ id }) as MessageView__Output);
  const silence = Promise.withResolvers<void>();
  async function* frames(): AsyncGenerator<SessionView__Output> {
    yield { messages };
    await silence.promise;
  }
  const closed: ServiceError[] = [];
  const over = Promise.withResolvers<void>();
  const link = new SessionLink({
    open: {
      stream: {
        write: () => true,
        drained: () => Promise.resolve(),
        end: () => undefined,
        cancel: () => silence.resolve(),
        [Symbol.asyncIterator]: () => frames(),
      },
      close: () => undefined,
    },
    svidSha256: 'svid 1',
    events: {
      ready: () => undefined,
      message,
      closed: (_, cause) => {
        closed.push(cause);
        over.resolve();
      },
    },
    times: linkTimes,
    clock: systemClock,
    nextId: () => 1,
  });
  t.after(() => link.cancel(new ServiceError('SHUTTING_DOWN', 'the test is over')));
  return { link, closed, over: over.promise };
}

test('messages that cannot be taken keep neither the others nor the end of the link from being told', {
  timeout: 5_000,
}, async (t) => {
  const seen: number[] = [];
  const { link, closed, over } = openLink(t, 100, (_, { id }) => {
    seen.push(id);
    throw new Error(`message ${id}`);
  });
  await over;
  assert.equal(link.isClosed, true);
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, id) => id),
  );
  assert.deepEqual(
    closed.map(({ reason, cause }) => [reason, (cause as Error).message]),
    [['INTERNAL', 'message 0']],
  );
});

test('a link cancelled in the middle of a frame is told closed though the rest cannot be taken', async (t) => {
  let seen = 0;
  const turn = Promise.withResolvers<void>();
  const { link, closed } = openLink(t, 100, () => {
    seen += 1;
    turn.resolve();
    if (seen > 32) throw new Error('cannot be taken');
  });
  await turn.promise;
  const cause = new ServiceError('BROKER_UNAVAILABLE', 'the broker is silent');
  assert.doesNotThrow(() => link.cancel(cause));
  assert.equal(seen, 100);
  assert.deepEqual(closed, [cause]);
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import type { SessionRequest } from '@stint/common/gen/stint/broker/v1/SessionRequest.ts';
import type { MessageView__Output } from '@stint/common/gen/stint/sidecar/v1/MessageView.ts';
import type { SessionView__Output } from '@stint/common/gen/stint/sidecar/v1/SessionView.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import { until } from '../../../test/harness/until.ts';
import { type LinkEvents, type LinkTimes, linkTimes, SessionLink } from './session-link.ts';

/** A link on which the broker says one frame of so many messages and then nothing. */
function openLink(
  t: TestContext,
  count: number,
  options: Pick<LinkEvents, 'message'> & { readonly clock?: Clock; readonly times?: LinkTimes },
) {
  const { message, clock = systemClock, times = linkTimes } = options;
  const sent: SessionRequest[] = [];
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
        write: (frame) => sent.push(frame) > 0,
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
    times,
    clock,
    nextId: () => 1,
  });
  t.after(() => link.cancel(new ServiceError('SHUTTING_DOWN', 'the test is over')));
  return { link, sent, closed, over: over.promise };
}

test('messages that cannot be taken keep neither the others nor the end of the link from being told', {
  timeout: 5_000,
}, async (t) => {
  const seen: number[] = [];
  const { link, closed, over } = openLink(t, 100, {
    message: (_, { id }) => {
      seen.push(id);
      throw new Error(`message ${id}`);
    },
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
  const { link, closed } = openLink(t, 100, {
    message: () => {
      seen += 1;
      turn.resolve();
      if (seen > 32) throw new Error('cannot be taken');
    },
  });
  await turn.promise;
  const cause = new ServiceError('BROKER_UNAVAILABLE', 'the broker is silent');
  assert.doesNotThrow(() => link.cancel(cause));
  assert.equal(seen, 100);
  assert.deepEqual(closed, [cause]);
});

test('a clock that is set back by an hour puts off neither signs of life nor the end of a dead link', {
  timeout: 10_000,
}, async (t) => {
  let backMs = 0;
  const clock = { now: () => systemClock.now() - backMs };
  const { sent, closed, over } = openLink(t, 1, {
    message: () => undefined,
    clock,
    times: { aliveMs: 100, deadMs: 600 },
  });
  await until('a sign of life', 5_000, () => sent.length > 0);
  backMs = 3_600_000;
  const before = sent.length;
  await until('another', 5_000, () => sent.length > before);
  await over;
  assert.match(closed[0]?.message ?? '', /the broker is silent/);
});

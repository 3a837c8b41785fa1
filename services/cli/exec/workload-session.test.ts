import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { CliError } from '../cli-error.ts';
import { openMsMax, openWorkloadSession } from './workload-session.ts';

/** A sidecar that takes the call and says what `say` does; a call that is given up fails with the signal's reason. */
function sidecar(say: (end: Promise<never>) => AsyncGenerator<object>): GrpcChannel {
  const serverStream = (_method: unknown, _request: unknown, { signal }: { signal: AbortSignal }) => {
    const end = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => end.reject(signal.reason));
    return say(end.promise);
  };
  return { serverStream } as unknown as GrpcChannel;
}

const silent = sidecar(async function* (end) {
  yield await end;
});
const opening = () => ({ name: 'test', signal: new AbortController().signal });

test('a sidecar that takes the call and says nothing is told to be so after ten seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const opened = openWorkloadSession(silent, opening());
  t.mock.timers.tick(openMsMax);
  await assert.rejects(opened, (thrown) => {
    assert.ok(thrown instanceof CliError);
    const { what, why, reason } = thrown.failure;
    assert.deepEqual([what, reason], ['the sidecar does not answer', 'NOT_RUNNING']);
    assert.match(why, /no session in 10s/);
    return true;
  });
});

test('an opening that is given up fails with the reason, and a session that is open has no end of its own', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const interruption = new AbortController();
  const opened = openWorkloadSession(silent, { name: 'test', signal: interruption.signal });
  interruption.abort(new Error('interrupted by SIGINT'));
  await assert.rejects(opened, /interrupted by SIGINT/);

  const answering = sidecar(async function* (end) {
    yield { opened: { sessionId: 'ses_1' } };
    await end;
  });
  const session = await openWorkloadSession(answering, opening());
  const events: string[] = [];
  session.follow(({ kind }) => events.push(kind));
  t.mock.timers.tick(openMsMax * 10);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([session.id, events], ['ses_1', []]);
  session.close();
});

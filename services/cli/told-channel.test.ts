import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { CallOptions, GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { silentMsMax } from './terminal/long-wait.ts';
import { Output } from './terminal/output.ts';
import { type ToldCallOptions, ToldChannel } from './told-channel.ts';

/** A told channel at a terminal to a broker that answers when the test says so, and what people read of it. */
function openChannel(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const written: string[] = [];
  const passedOn: CallOptions[] = [];
  const answer = Promise.withResolvers<object>();
  const channel = {
    call: (_method: unknown, _request: unknown, options: CallOptions) => {
      passedOn.push(options);
      return answer.promise;
    },
  } as unknown as GrpcChannel;
  const stderr = { isTTY: true, write: (text: string) => written.push(text) };
  const stdout = { write: () => assert.fail() };
  const output = new Output({ stdout, stderr, format: 'table', environment: { NO_COLOR: '1' } });
  const told = new ToldChannel({ channel, name: 'broker', output });
  const call = (options?: ToldCallOptions) => told.call(services.admin.GetStatus, {}, options);
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await turn();
  };
  return { call, pass, answer, written, passedOn };
}

test('whose answer is awaited is told once, however many calls wait, and for how long at most', async (t) => {
  const { call, pass, answer, written } = openChannel(t);
  const calls = [call(), call({ deadlineMs: 30_000 })];
  await pass(silentMsMax - 1);
  assert.deepEqual(written, []);
  await pass(1);
  assert.deepEqual(written, ['still waiting for the broker to answer: 9s more at most; Ctrl-C gives up\n']);
  calls.push(call());
  await pass(60_000);
  assert.equal(written.length, 1);
  answer.resolve({});
  await Promise.all(calls);
});

test('a call with words of its own is told in them, also after another was', async (t) => {
  const { call, pass, answer, written, passedOn } = openChannel(t);
  const calls = [call(), call({ deadlineMs: 5_000, describeWait: (left) => `busy for ${left}` })];
  await pass(silentMsMax);
  assert.equal(written[1], 'busy for 4s\n');
  assert.deepEqual(passedOn, [{}, { deadlineMs: 5_000 }]);
  answer.resolve({});
  await Promise.all(calls);
});

test('a call that is over before there is anything to tell is not told', async (t) => {
  const { call, pass, answer, written } = openChannel(t);
  const short = call({ deadlineMs: silentMsMax });
  await pass(60_000);
  answer.resolve({});
  await short;
  assert.deepEqual(written, []);
});

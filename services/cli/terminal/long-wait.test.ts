import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { silentMsMax, tellLongWait } from './long-wait.ts';
import { Output, type OutputFormat } from './output.ts';

/** A wait whose time and answer are the test's, and what it has written to stderr. */
function startWait(t: TestContext, { isTTY = true, format = 'table' as OutputFormat } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const written = { stderr: '', asked: 0 };
  const stderr = { isTTY, write: (text: string) => (written.stderr += text) };
  const environment = { NO_COLOR: '1' };
  const output = new Output({ stdout: { write: () => assert.fail() }, stderr, format, environment });
  const answer = Promise.withResolvers<string>();
  const description = Promise.withResolvers<string>();
  const describe = () => {
    written.asked++;
    return description.promise;
  };
  const waiting = tellLongWait(output, { answer: answer.promise, describe });
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await turn();
  };
  return { written, answer, description, waiting, pass };
}

test('a wait is silent for a second, then says once what it is for, and gives the answer', async (t) => {
  const { written, answer, description, waiting, pass } = startWait(t);
  description.resolve('still waiting for the broker');
  await pass(silentMsMax - 1);
  assert.equal(written.stderr, '');
  await pass(1);
  assert.equal(written.stderr, 'still waiting for the broker\n');
  await pass(60_000);
  assert.equal(written.stderr, 'still waiting for the broker\n');
  answer.resolve('granted');
  assert.equal(await waiting, 'granted');
});

test('an answer or failure that comes first is passed on at once, and nothing is said after it', async (t) => {
  const { written, answer, description, waiting, pass } = startWait(t);
  await pass(silentMsMax);
  answer.reject(new Error('denied'));
  await assert.rejects(waiting, /denied/);
  description.resolve('still waiting');
  await pass(60_000);
  assert.deepEqual(written, { stderr: '', asked: 1 });
});

for (const [who, reader] of [
  ['programs that read JSON', { format: 'json' }],
  ['what is no terminal', { isTTY: false }],
] as const)
  test(`nothing is said, nor found out, for ${who}`, async (t) => {
    const { written, answer, waiting, pass } = startWait(t, reader);
    await pass(60_000);
    answer.resolve('granted');
    assert.equal(await waiting, 'granted');
    assert.deepEqual(written, { stderr: '', asked: 0 });
  });

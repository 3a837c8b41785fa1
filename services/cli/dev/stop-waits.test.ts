import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silentMsMax } from '../terminal/long-wait.ts';
import { columnsOf } from '../terminal/wrap-text.ts';
import { StopWaits } from './stop-waits.ts';

/** The waits of a stop that may take so long in all, and what is said of them. */
function startWaits(t: TestContext, msMax: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const said: string[] = [];
  const waits = new StopWaits((text) => said.push(text), msMax);
  return { said, waits, pass: (ms: number) => t.mock.timers.tick(ms) };
}

test('a wait is told once, after a second, with what it is for and how long it takes at most', (t) => {
  const { said, waits, pass } = startWaits(t, 60_000);
  waits.begin('database users to leave', 4_000);
  pass(silentMsMax - 1);
  assert.deepEqual(said, []);
  pass(60_000);
  assert.deepEqual(said, [
    '  still waiting for database users to leave: 3s more at most; Ctrl-C ends it now',
  ]);
  assert.ok(columnsOf(said[0] ?? '') <= 80);
});

test('a wait that is followed by another, or by the end, in time is not told', (t) => {
  const { said, waits, pass } = startWaits(t, 60_000);
  for (const what of ['the broker to stop', 'nats to stop']) {
    waits.begin(what, 4_000);
    pass(silentMsMax - 1);
  }
  waits.end();
  pass(60_000);
  assert.deepEqual(said, []);
});

test('no wait is told to be longer than all together may be', (t) => {
  const { said, waits, pass } = startWaits(t, 3_000);
  waits.begin('the broker to stop', 60_000);
  pass(silentMsMax);
  assert.match(said[0] ?? '', /: 2s more at most/);
});

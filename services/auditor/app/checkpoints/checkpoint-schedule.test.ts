import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { CheckpointSchedule, gatherMs } from './checkpoint-schedule.ts';

const intervalMs = 1_000;

function scheduleOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = heldClock(5_000);
  const publishedAt: number[] = [];
  const publish = () => publishedAt.push(clock.now());
  const schedule = new CheckpointSchedule({ publish, intervalMs, clock });
  const pass = (ms: number) => {
    for (let i = 0; i < ms; i++) {
      clock.advance(1);
      t.mock.timers.tick(1);
    }
  };
  return { clock, schedule, publishedAt, pass };
}

test('what comes after a quiet interval is signed with the rest of its burst, and nearly at once', (t) => {
  const { schedule, publishedAt, pass } = scheduleOf(t);
  schedule.due();
  schedule.due();
  pass(gatherMs - 1);
  schedule.due();
  assert.deepEqual(publishedAt, []);
  pass(3 * intervalMs);
  assert.deepEqual(publishedAt, [5_000 + gatherMs], 'and nothing more while nothing comes');
  schedule.due();
  pass(gatherMs);
  assert.equal(publishedAt.length, 2);
});

test('a log that grows all the time is signed once an interval', (t) => {
  const { schedule, publishedAt, pass } = scheduleOf(t);
  for (let i = 0; i < 3 * intervalMs; i++) {
    schedule.due();
    pass(1);
  }
  const first = 5_000 + gatherMs;
  assert.deepEqual(publishedAt, [first, first + intervalMs, first + 2 * intervalMs]);
});

test('a clock that is set back delays no checkpoint for longer than an interval; after close none is signed', (t) => {
  const { clock, schedule, publishedAt, pass } = scheduleOf(t);
  schedule.due();
  pass(gatherMs);
  clock.advance(-3_600_000);
  schedule.due();
  pass(intervalMs);
  assert.equal(publishedAt.length, 2);
  schedule.due();
  schedule.close();
  pass(2 * intervalMs);
  assert.equal(publishedAt.length, 2);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { waitFor } from './caller.ts';

const now = 1_000_000;
const parts = {
  broker: { outage: () => undefined } as unknown as Parameters<typeof waitFor>[2]['broker'],
  clock: { now: () => now },
};
const never = new Promise<never>(() => undefined);
const callerUntil = (deadline: number) => ({ deadline, signal: new AbortController().signal });

test('a caller whose deadline has passed is answered at once, without a warning of the runtime', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  try {
    for (const deadline of [now, now - 1, now - 60_000, 0])
      await assert.rejects(waitFor(never, callerUntil(deadline), parts), { reason: 'DEADLINE_EXCEEDED' });
    await turn(); // a warning is told in a turn of its own
    assert.deepEqual(warnings, []);
  } finally {
    process.off('warning', note);
  }
});

test('work that is done is answered also when the deadline has passed', async () => {
  assert.equal(await waitFor(Promise.resolve('done'), callerUntil(now - 1), parts), 'done');
});

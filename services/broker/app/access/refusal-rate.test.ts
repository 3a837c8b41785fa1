import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { heldClock } from '../../../../test/harness/held-clock.ts';
import { RefusalRate, refusalsPerIdentity } from './refusal-rate.ts';

const flooder = parseSpiffeId('spiffe://stint.local/flooder');

function rateAt(start: number) {
  const clock = heldClock(start);
  const rate = new RefusalRate(clock);
  const records: number[] = [];
  const refuse = async (count: number) => {
    let over = 0;
    for (let i = 0; i < count; i++)
      await rate
        .record(flooder, async (unrecorded) => records.push(unrecorded))
        .catch((thrown: unknown) => {
          assert.ok(isServiceError(thrown, 'RATE_LIMITED'));
          over++;
        });
    return over;
  };
  return { clock, rate, records, refuse };
}

test('a flood of one identity makes a burst of records, then its rate, and no refusal is missing from their counts', async () => {
  const { clock, records, refuse } = rateAt(1_800_000_000_000);
  const { burst, intervalMs } = refusalsPerIdentity;
  const seconds = 60;
  let asked = 0;
  for (let second = 0; second < seconds; second++) {
    await refuse(1_000);
    asked += 1_000;
    clock.advance(1_000);
  }
  assert.equal(records.length, burst + ((seconds - 1) * 1_000) / intervalMs);
  await refuse(1);
  const told = records.reduce((sum, unrecorded) => sum + unrecorded, 0);
  assert.equal(told + records.length, asked + 1);
});

test('a count that its record could not tell is told by the next', async () => {
  const { clock, rate, records, refuse } = rateAt(1_800_000_000_000);
  assert.equal(await refuse(refusalsPerIdentity.burst + 7), 7);
  clock.advance(60_000);
  await assert.rejects(
    rate.record(flooder, () => Promise.reject(new Error('the disk is full'))),
    /disk is full/,
  );
  await refuse(2);
  assert.deepEqual(records.slice(-2), [7, 0]);
});

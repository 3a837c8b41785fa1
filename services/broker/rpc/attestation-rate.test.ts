import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { heldClock } from '../../../test/harness/held-clock.ts';
import {
  AttestationRate,
  attestationsInTotal,
  attestationsPerAddress,
  attestationsPerNetwork,
  firstAttestations,
  keptForFirst,
} from './attestation-rate.ts';

function rateAt(start: number) {
  const clock = heldClock(start);
  const rate = new AttestationRate(clock);
  /** How many of so many attempts are let in, and when the last may come again. */
  const attempts = (count: number, addressOf: (i: number) => string) => {
    let taken = 0;
    let retryAfterMs: number | undefined;
    for (let i = 0; i < count; i++) {
      try {
        rate.take(addressOf(i));
        taken++;
      } catch (thrown) {
        assert.ok(isServiceError(thrown, 'RATE_LIMITED'));
        retryAfterMs = thrown.retryAfterMs;
      }
    }
    return { taken, retryAfterMs };
  };
  return { clock, attempts };
}

const start = 1_800_000_000_000;
const one = () => '192.0.2.1';

test('one address has its burst, then its rate, is told when to come again, and takes nothing from others', () => {
  const { clock, attempts } = rateAt(start);
  const { burst, intervalMs } = attestationsPerAddress;
  assert.deepEqual(attempts(1_000, one), { taken: burst, retryAfterMs: intervalMs });
  assert.equal(attempts(1, () => '192.0.2.2').taken, 1);
  clock.advance(intervalMs - 1);
  assert.deepEqual(attempts(1, one), { taken: 0, retryAfterMs: 1 });
  clock.advance(1);
  assert.equal(attempts(5, one).taken, 1);
  clock.advance(3_600_000);
  assert.equal(attempts(1_000, one).taken, burst, 'no more gathers than a burst');
});

test('a clock that is set back refuses nobody for longer than a burst that is used up', () => {
  const { clock, attempts } = rateAt(start);
  for (let i = 0; i < 10; i++) attempts(10, () => `198.51.${i}.1`);
  clock.advance(-3_600_000);
  const { intervalMs, burst } = attestationsInTotal;
  assert.deepEqual(attempts(1, one), { taken: 0, retryAfterMs: intervalMs });
  clock.advance(intervalMs);
  assert.equal(attempts(1, one).taken, 1);
  clock.advance(burst * intervalMs);
  assert.equal(attempts(1_000, (i) => `203.0.${i % 250}.1`).taken, burst);
});

test('all addresses together have a bound too, however many they are', () => {
  const { clock, attempts } = rateAt(start);
  const { burst, intervalMs } = attestationsInTotal;
  const many = (i: number) => `${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.1`;
  assert.deepEqual(attempts(50_000, many), { taken: burst, retryAfterMs: intervalMs });
  for (let second = 1; second <= 100; second++) {
    clock.advance(1_000);
    const { taken } = attempts(1_000, (i) => many(i + second * 1_000));
    assert.equal(taken, 1_000 / intervalMs);
  }
});

test('a network of IPv6 counts as one address, and so does IPv4 in either form', () => {
  const { burst } = attestationsPerAddress;
  const inNetwork = rateAt(start).attempts(300, (i) => `2001:db8:0:7:${i.toString(16)}::${i.toString(16)}`);
  assert.equal(inNetwork.taken, burst);
  const shortened = rateAt(start).attempts(300, (i) => (i % 2 === 0 ? '2001:db8::1' : '2001:db8:0:0:5::1'));
  assert.equal(shortened.taken, burst);
  const networks = rateAt(start).attempts(
    300,
    (i) => `2001:db8:${(i >> 1).toString(16)}:${i.toString(16)}::1`,
  );
  assert.equal(networks.taken, 300);
  const mapped = rateAt(start).attempts(300, (i) => (i % 2 === 0 ? '::ffff:192.0.2.1' : '192.0.2.1'));
  assert.equal(mapped.taken, burst);
});

test('whoever has a wide network has its part of the total, and others find room while he floods', () => {
  const wide = [
    (i: number) => `2001:db8:7:${(i & 0xffff).toString(16)}::1`,
    (i: number) => `198.51.100.${i & 255}`,
  ];
  for (const addressOf of wide) {
    const { clock, attempts } = rateAt(start);
    const { burst, intervalMs } = attestationsPerNetwork;
    assert.deepEqual(attempts(4_500, addressOf), { taken: burst, retryAfterMs: intervalMs });
    for (let second = 0; second < 90; second++) {
      assert.deepEqual(attempts(20, one), { taken: 20, retryAfterMs: undefined });
      clock.advance(4_000);
      attempts(500, (i) => addressOf(i + second * 500));
    }
  }
});

test('a flood from many networks leaves room for the first attempts of one that is not in it', () => {
  const { clock, attempts } = rateAt(start);
  const networks = 40;
  const flood = (i: number) => `2001:db8:${(i % networks).toString(16)}:${(i & 0xffff).toString(16)}::1`;
  assert.equal(attempts(10_000, flood).taken, networks * firstAttestations.burst);
  let flooded = 0;
  for (let second = 1; second <= 120; second++) {
    clock.advance(1_000);
    flooded += attempts(1_000, flood).taken;
    if (second >= 5) assert.equal(attempts(1, () => `203.0.${second}.1`).taken, 1);
  }
  assert.ok(flooded > 40 * 120, `the rest is not held back for nobody: ${flooded}`);
  clock.advance(1_000);
  attempts(1_000, flood);
  const newcomers = attempts(1_000, (i) => `192.${i >> 8}.${i & 255}.1`);
  assert.ok(newcomers.taken >= keptForFirst / 2, `${newcomers.taken}`);
});

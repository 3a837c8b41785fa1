import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SingleFlight } from './single-flight.ts';

test('callers of one key share one run and its outcome; other keys run apart', async () => {
  const flights = new SingleFlight<number>();
  const gate = Promise.withResolvers<number>();
  let runs = 0;
  const work = () => {
    runs += 1;
    return gate.promise;
  };
  const waiting = [flights.run('a', work), flights.run('a', work), flights.run('b', work)];
  assert.equal(runs, 2);
  gate.resolve(7);
  assert.deepEqual(await Promise.all(waiting), [7, 7, 7]);
  assert.equal(flights.size, 0);
});

test('a failure is everybody’s who waits, and is not remembered', async () => {
  const flights = new SingleFlight<number>();
  const failing = () => Promise.reject(new Error('down'));
  const outcomes = await Promise.allSettled([flights.run('a', failing), flights.run('a', failing)]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(await flights.run('a', () => Promise.resolve(1)), 1);
});

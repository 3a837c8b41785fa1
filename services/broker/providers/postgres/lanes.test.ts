import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Lane, Lanes, laneWaitingMax } from './lanes.ts';

const { signal } = new AbortController();

/** Work that goes on until it is let go; `started` lists what has begun, in order. */
function workshop(slots: number) {
  const lanes = new Lanes(slots);
  const started: string[] = [];
  const endings = new Map<string, () => void>();
  const begin = (lane: Lane, name: string) =>
    lanes.run(lane, signal, () => {
      started.push(name);
      return new Promise<void>((resolve) => endings.set(name, resolve));
    });
  const end = async (name: string) => {
    endings.get(name)?.();
    await setImmediate();
  };
  return { lanes, started, begin, end };
}

test('with two connections or more, one stays free for containment', async () => {
  for (const slots of [2, 3, 4, 16]) {
    const { started, begin } = workshop(slots);
    for (let i = 0; i < 20; i += 1) void begin('create', `create ${i}`);
    for (let i = 0; i < 20; i += 1) void begin('remove', `remove ${i}`);
    await setImmediate();
    assert.equal(started.length, slots - 1);
    void begin('contain', 'contain');
    await setImmediate();
    assert.equal(started.at(-1), 'contain');
  }
});

test('containment may use every connection, and goes before what waited longer', async () => {
  const { started, begin, end } = workshop(2);
  void begin('contain', 'first');
  void begin('contain', 'second');
  void begin('create', 'create');
  void begin('contain', 'third');
  await setImmediate();
  assert.deepEqual(started, ['first', 'second']);
  await end('first');
  assert.deepEqual(started, ['first', 'second', 'third']);
});

test('removal leaves a connection to creation, and neither starves', async () => {
  const { started, begin, end } = workshop(3);
  for (let i = 0; i < 3; i += 1) void begin('remove', `remove ${i}`);
  await setImmediate();
  assert.deepEqual(started, ['remove 0']);
  for (let i = 0; i < 3; i += 1) void begin('create', `create ${i}`);
  await setImmediate();
  assert.deepEqual(started, ['remove 0', 'create 0']);
  await end('create 0');
  await end('remove 0');
  assert.deepEqual(started.slice(2).sort(), ['create 1', 'remove 1']);
});

test('with one connection everything takes turns', async () => {
  const { started, begin, end } = workshop(1);
  void begin('remove', 'remove');
  void begin('create', 'create');
  void begin('contain', 'contain');
  await setImmediate();
  await end('remove');
  await end('contain');
  assert.deepEqual(started, ['remove', 'contain', 'create']);
});

test('whoever gives up waiting leaves the queue and nothing of it runs', async () => {
  const { lanes, started, begin, end } = workshop(1);
  void begin('create', 'first');
  const giveUp = new AbortController();
  const waiting = lanes.run('create', giveUp.signal, () => Promise.resolve(started.push('never')));
  giveUp.abort();
  await assert.rejects(waiting, { kind: 'unreachable', code: 'QUEUE_TIMEOUT' });
  await end('first');
  assert.deepEqual(started, ['first']);
});

test('a full queue refuses at once', async () => {
  const { lanes, begin } = workshop(1);
  for (let i = 0; i <= laneWaitingMax; i += 1) void begin('create', `create ${i}`);
  await assert.rejects(
    lanes.run('create', signal, () => Promise.resolve()),
    { kind: 'unreachable', code: 'QUEUE_FULL' },
  );
});

test('work that throws gives its place back', async () => {
  const { lanes } = workshop(1);
  for (let i = 0; i < 3; i += 1) {
    await assert.rejects(
      lanes.run('create', signal, () => Promise.reject(new Error('failed'))),
      /failed/,
    );
  }
});

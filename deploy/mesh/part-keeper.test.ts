import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { systemClock } from '@stint/common/time.ts';
import { firstDelayMs, PartKeeper, type PartNews, restartsMax, steadyMs } from './part-keeper.ts';

/** Told and started, in order; a start fails while `fault` is set. */
class Watched {
  readonly told: PartNews<'nats' | 'broker'>[] = [];
  readonly started: string[] = [];
  fault: Error | undefined;
  readonly keeper = new PartKeeper<'nats' | 'broker'>({
    start: (part) => {
      this.started.push(part);
      return this.fault === undefined ? Promise.resolve() : Promise.reject(this.fault);
    },
    tell: (news) => this.told.push(news),
    clock: systemClock,
  });

  /** Lets the time pass, and what follows from it happen. */
  async pass(ms: number): Promise<void> {
    mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
});

test('a part that ended is started again after the first wait, and both are told', async () => {
  const at = new Watched();
  at.keeper.ended('nats', 'SIGKILL');
  await at.pass(firstDelayMs - 1);
  assert.deepEqual(at.started, []);
  await at.pass(1);
  assert.deepEqual(at.started, ['nats']);
  assert.deepEqual(at.told, [
    { part: 'nats', kind: 'ended', how: 'SIGKILL', delayMs: firstDelayMs },
    { part: 'nats', kind: 'back' },
  ]);
});

test('each wait is twice as long as the one before, and after the last restart the part is left alone', async () => {
  const at = new Watched();
  for (let restart = 0; restart < restartsMax; restart++) {
    at.keeper.ended('nats', 'SIGKILL');
    await at.pass(firstDelayMs * 2 ** restart);
    assert.equal(at.started.length, restart + 1);
  }
  at.keeper.ended('nats', 'SIGKILL');
  await at.pass(3_600_000);
  assert.equal(at.started.length, restartsMax);
  assert.deepEqual(at.told.at(-1), { part: 'nats', kind: 'left alone', fault: undefined });
});

test('a restart that fails is tried again, as often as one that dies', async () => {
  const at = new Watched();
  at.fault = new Error('the port is taken');
  at.keeper.ended('nats', 'SIGKILL');
  for (let restart = 0; restart < restartsMax; restart++) await at.pass(firstDelayMs * 2 ** restart);
  await at.pass(3_600_000);
  assert.equal(at.started.length, restartsMax);
  assert.deepEqual(at.told[1], {
    part: 'nats',
    kind: 'restart failed',
    fault: at.fault,
    delayMs: 2 * firstDelayMs,
  });
  assert.deepEqual(at.told.at(-1), { part: 'nats', kind: 'left alone', fault: at.fault });
});

test('a part that served for long has all its restarts again', async () => {
  const at = new Watched();
  for (let restart = 0; restart < restartsMax; restart++) {
    at.keeper.ended('nats', 'SIGKILL');
    await at.pass(firstDelayMs * 2 ** restart);
  }
  await at.pass(steadyMs);
  at.keeper.ended('nats', 'SIGKILL');
  assert.deepEqual(at.told.at(-1), { part: 'nats', kind: 'ended', how: 'SIGKILL', delayMs: firstDelayMs });
});

test('one part has nothing to do with the restarts of another', () => {
  const at = new Watched();
  at.keeper.ended('nats', 'SIGKILL');
  at.keeper.ended('broker', 'code 1');
  assert.deepEqual(
    at.told.map((news) => (news.kind === 'ended' ? news.delayMs : undefined)),
    [firstDelayMs, firstDelayMs],
  );
});

test('once closed it starts nothing and tells nothing', async () => {
  const at = new Watched();
  at.keeper.ended('nats', 'SIGKILL');
  at.keeper.close();
  at.keeper.ended('broker', 'code 1');
  await at.pass(3_600_000);
  assert.deepEqual(at.started, []);
  assert.equal(at.told.length, 1);
});

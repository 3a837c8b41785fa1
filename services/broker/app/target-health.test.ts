import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldClock } from '../../../test/harness/held-clock.ts';
import {
  ProviderFailure,
  type SigningProvider,
  type TargetEntity,
  type TargetProvider,
} from './ports/provider.ts';
import { TargetHealth } from './target-health.ts';

const { signal } = new AbortController();

/** A watched provider whose every listing is the next of `answers`, at a clock that is moved by hand. */
function watchedTarget() {
  const clock = heldClock(1_000);
  const answers: (() => Promise<readonly TargetEntity[]>)[] = [];
  const provider = {
    name: 'orders-db',
    kind: 'postgres',
    mode: 'creates',
    listEntities: () => answers.shift()?.() ?? Promise.resolve([]),
  } as unknown as TargetProvider;
  const health = new TargetHealth(clock);
  const watched = health.watch(new Map([[provider.name, provider]])).get(provider.name);
  assert.ok(watched?.mode === 'creates');
  const list = (answer?: () => Promise<readonly TargetEntity[]>) => {
    if (answer !== undefined) answers.push(answer);
    return watched.listEntities(signal);
  };
  const fail = async (failure: Error, at: number) => {
    clock.set(at);
    await assert.rejects(
      list(() => Promise.reject(failure)),
      (thrown) => thrown === failure,
    );
  };
  const report = () => health.reports()[0] ?? assert.fail();
  return { clock, list, fail, report };
}

const refused = new ProviderFailure('unreachable', 'ECONNREFUSED');

test('a target is unasked until its first call, then told by its calls: since when, and why it was away', async () => {
  const { clock, list, fail, report } = watchedTarget();
  const unknown = { since: undefined, lastAskedAt: undefined, lastFailure: undefined };
  assert.deepEqual(report(), { provider: 'orders-db', kind: 'postgres', state: 'unasked', ...unknown });

  await list();
  clock.set(2_000);
  await list();
  assert.partialDeepStrictEqual(report(), { state: 'answers', since: 1_000, lastAskedAt: 2_000 });

  await fail(refused, 3_000);
  await fail(new ProviderFailure('ambiguous', 'DEADLINE'), 4_000);
  const reason = 'the connection was lost or the answer did not come in time (DEADLINE)';
  const lastFailure = { reason, at: 4_000 };
  assert.partialDeepStrictEqual(report(), { state: 'away', since: 3_000, lastAskedAt: 4_000, lastFailure });

  clock.set(5_000);
  await list();
  assert.partialDeepStrictEqual(report(), { state: 'answers', since: 5_000, lastFailure });
});

test('a target that goes away is told when the clock was set back meanwhile', async () => {
  const { list, fail, report } = watchedTarget();
  await list();
  await fail(refused, 1_000 - 3_600_000);
  assert.equal(report().state, 'away');
});

test('only what is about the whole target makes it away', async () => {
  const { fail, report } = watchedTarget();
  await fail(new ProviderFailure('unreachable', 'QUEUE_FULL', { target: 'unasked' }), 1_000);
  await fail(new TypeError('a bug of ours'), 1_000);
  assert.equal(report().state, 'unasked');
  await fail(new ProviderFailure('definite', '42710'), 2_000);
  await fail(new ProviderFailure('blocked', '2BP01:a.pg_class=1'), 2_000);
  assert.partialDeepStrictEqual(report(), { state: 'answers', since: 2_000, lastFailure: undefined });
  await fail(new ProviderFailure('blocked', '28P01', { target: 'away' }), 3_000);
  assert.equal(report().lastFailure?.reason, 'it does not let the broker in (28P01)');
});

test('a call that hung while a later one was answered does not call the target away', async () => {
  const { clock, list, report } = watchedTarget();
  const hung = Promise.withResolvers<readonly TargetEntity[]>();
  const first = list(() => hung.promise);
  clock.set(1_500);
  await list();
  clock.set(11_000);
  hung.reject(new ProviderFailure('ambiguous', 'DEADLINE'));
  await assert.rejects(first);
  assert.partialDeepStrictEqual(report(), { state: 'answers', lastFailure: undefined });
});

test('what mends it is told, if it is one short printable line', async () => {
  const { fail, report } = watchedTarget();
  for (const [remedy, told] of [
    ['set ssl = on', ': set ssl = on'],
    ['a\nb', ''],
    ['\u202ealter', ''],
    ['x'.repeat(91), ''],
  ]) {
    await fail(new ProviderFailure('blocked', 'TLS_NOT_OFFERED', { target: 'away', remedy }), 1_000);
    assert.equal(report().lastFailure?.reason, `it does not let the broker in (TLS_NOT_OFFERED)${told}`);
  }
});

test("a reason is one printable line of ours, whatever the failure's code", async () => {
  const { fail, report } = watchedTarget();
  for (const code of ['\u001b[2J', 'a\nb', 'x'.repeat(65), 'password "hunter2"', '']) {
    await fail(new ProviderFailure('unreachable', code), 1_000);
    assert.equal(report().lastFailure?.reason, 'it cannot be reached (with a code that cannot be shown)');
  }
});

test('what a provider may leave out is kept where it has it, and checking the target counts as asking it', async () => {
  const calls: string[] = [];
  const full = {
    name: 'full',
    kind: 'postgres',
    mode: 'creates',
    maintain: async () => void calls.push('maintain'),
    checkTarget: () => Promise.reject(refused),
  } as unknown as TargetProvider;
  const bare = { name: 'bare', kind: 'postgres', mode: 'creates' } as unknown as TargetProvider;
  const health = new TargetHealth({ now: () => 1_000 });
  const [watched, without] = health.watch(new Map([full, bare].map((one) => [one.name, one]))).values();
  assert.ok(watched?.mode === 'creates' && without?.mode === 'creates');
  await watched.maintain?.();
  assert.deepEqual(calls, ['maintain']);
  assert.deepEqual([without.maintain, without.checkTarget], [undefined, undefined]);
  assert.ok(watched.checkTarget !== undefined);
  await assert.rejects(watched.checkTarget([], signal), (thrown) => thrown === refused);
  assert.deepEqual(
    health.reports().map(({ state }) => state),
    ['away', 'unasked'],
  );
});

test('a provider that only signs has no target: it stays as it is, and no row tells of it', () => {
  const health = new TargetHealth({ now: () => 0 });
  const signing = { name: 'grant-token', mode: 'signs' } as unknown as SigningProvider;
  assert.equal(health.watch(new Map([[signing.name, signing]])).get(signing.name), signing);
  assert.deepEqual(health.reports(), []);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isServiceError, ServiceError } from './errors.ts';
import { RotatingSvidSource } from './rotating-svid-source.ts';
import { Secret } from './secret.ts';
import { parseSpiffeId } from './spiffe-id.ts';
import type { UnixMs } from './time.ts';
import type { SvidState } from './x509-svid.ts';

const hourMs = 3_600_000;
const start: UnixMs = 1_800_000_000_000;

function stateFrom(notBefore: UnixMs, lifeMs = hourMs): SvidState {
  const svid = {
    spiffeId: parseSpiffeId('spiffe://stint.test/ci/deploy'),
    certificatesDer: [],
    certificatesPem: '',
    privateKeyPem: new Secret(''),
    notBefore,
    expiresAt: notBefore + lifeMs,
    sha256: '',
  };
  return { svid, bundlePem: '', bundleDer: [] };
}

/** A source on a clock that stands, whose upstream issues, fails or waits as told. */
function underTest(random = 0.5) {
  const world = {
    now: start,
    failure: undefined as Error | undefined,
    asked: [] as (SvidState | undefined)[],
    failures: [] as UnixMs[],
    issue: (): SvidState => stateFrom(world.now),
  };
  const source = new RotatingSvidSource({
    clock: { now: () => world.now },
    random: () => random,
    obtain: (held) => {
      world.asked.push(held);
      return world.failure === undefined ? Promise.resolve(world.issue()) : Promise.reject(world.failure);
    },
    onFailure: (_failure, nextAttemptAt) => world.failures.push(nextAttemptAt - world.now),
  });
  const at = async (ms: number) => {
    world.now = start + ms;
    await source.tick();
  };
  return { source, world, at };
}

describe('an SVID source', () => {
  it('has none before the first attempt, and says so', () => {
    const { source } = underTest();
    assert.throws(
      () => source.current(),
      (e) => isServiceError(e, 'IDENTITY_NOT_READY'),
    );
    assert.equal(source.status().state, 'none');
  });

  it('rotates at half life and not before, and tells its listeners', async () => {
    const { source, world, at } = underTest();
    await at(0);
    const first = source.current();
    const heard: SvidState[] = [];
    const unsubscribe = source.onChange((state) => heard.push(state));
    await at(hourMs / 2 - 1);
    assert.equal(world.asked.length, 1);
    await at(hourMs / 2);
    assert.deepEqual(world.asked, [undefined, first]);
    assert.deepEqual(heard, [source.current()]);
    unsubscribe();
    await at(hourMs);
    assert.equal(world.asked.length, 3);
    assert.equal(heard.length, 1);
  });

  it('spreads rotations by a tenth of the half life to both sides', async () => {
    for (const [random, share] of [
      [0, 0.9],
      [0.999999, 1.1],
    ] as const) {
      const { source, at } = underTest(random);
      await at(0);
      const { nextAttemptAt } = source.status();
      assert.ok(Math.abs(nextAttemptAt - start - (hourMs / 2) * share) < 10, `${nextAttemptAt - start}`);
    }
  });

  it('keeps the old SVID while rotation fails, and tries again with growing waits up to a minute', async () => {
    const { source, world, at } = underTest();
    await at(0);
    const first = source.current();
    world.failure = new ServiceError('BROKER_UNAVAILABLE', 'nobody answers');
    let ms = hourMs / 2;
    for (let i = 0; i < 10; i++) {
      await at(ms);
      ms = source.status().nextAttemptAt - start;
    }
    assert.deepEqual(
      world.failures,
      [1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map((s) => s * 1_000),
    );
    assert.equal(source.current(), first);
    assert.equal(source.status().failure, 'nobody answers');
    world.failure = undefined;
    await at(ms);
    assert.notEqual(source.current(), first);
    assert.equal(source.status().failure, undefined);
  });

  it('refuses to give out an expired SVID, goes on trying, and comes back', async () => {
    const { source, world, at } = underTest();
    await at(0);
    world.failure = new ServiceError('BROKER_UNAVAILABLE', 'nobody answers');
    await at(hourMs / 2);
    await at(hourMs);
    assert.equal(source.status().state, 'expired');
    assert.throws(
      () => source.current(),
      (e) => isServiceError(e, 'IDENTITY_NOT_READY') && /expired at .*nobody answers/.test(e.message),
    );
    world.failure = undefined;
    await at(2 * hourMs);
    assert.equal(world.asked.at(-1), undefined, 'an expired SVID is no help in getting a new one');
    assert.equal(source.status().state, 'valid');
  });

  it('sees at the first tick after sleep that its SVID is over', async () => {
    const { source, world, at } = underTest();
    await at(0);
    await at(24 * hourMs);
    assert.deepEqual(world.asked, [undefined, undefined]);
    assert.equal(source.current().svid.notBefore, start + 24 * hourMs);
  });

  it('asks anew when the clock was set back', async () => {
    const { world, at } = underTest();
    await at(0);
    await at(-hourMs);
    assert.equal(world.asked.length, 2);
  });

  it('does not take an SVID that is over, or not yet good, by its own clock', async () => {
    for (const offset of [-2 * hourMs, hourMs]) {
      const { source, world, at } = underTest();
      world.issue = () => stateFrom(world.now + offset);
      await at(0);
      assert.equal(source.status().state, 'none');
      assert.match(source.status().failure ?? '', /set the clock/);
    }
  });

  it('makes one attempt at a time', async () => {
    const { source, world } = underTest();
    await Promise.all([source.attempt(), source.attempt(), source.tick()]);
    assert.equal(world.asked.length, 1);
  });

  it("rotates an SVID taken over from the process before at that one's half life", async () => {
    const { source, world, at } = underTest();
    source.adopt(stateFrom(start - hourMs / 4));
    await at(hourMs / 4 - 1);
    assert.equal(world.asked.length, 0);
    await at(hourMs / 4);
    assert.equal(world.asked.length, 1);
  });

  it('started, is ready as soon as there is one; stopped before, says so', async () => {
    const one = underTest();
    one.source.start();
    await one.source.ready();
    await one.source.stop();
    assert.equal(one.source.status().state, 'valid');

    const two = underTest();
    two.world.failure = new Error('a fault with a "secret" in its text');
    two.source.start();
    const ready = two.source.ready();
    await two.source.stop();
    await assert.rejects(ready, (e) => isServiceError(e, 'SHUTTING_DOWN'));
    assert.doesNotMatch(two.source.status().failure ?? '', /secret/);
  });
});

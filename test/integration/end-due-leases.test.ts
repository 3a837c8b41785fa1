import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { EndDueLeases } from '../../services/broker/app/ending/end-due-leases.ts';
import { type Step, steps } from '../../services/broker/app/ending/steps.ts';
import type { Provider } from '../../services/broker/app/ports/provider.ts';
import { deliveryMs, intentMs } from '../../services/broker/domain/lease.ts';
import { BrokerCore, byCall, deployer, refusalOf } from '../harness/broker-core.ts';
import { settled } from '../harness/settled.ts';
import { until } from '../harness/until.ts';

const unreachable = { when: 'before', kind: 'unreachable', code: 'ETIMEDOUT' } as const;

/** Dies at the next passing of the step. */
function dieAt(core: BrokerCore, step: Step): void {
  core.onStep = (passed) => {
    if (passed === step) throw new Error(`crash at ${step}`);
  };
}

/** Takes what is due, as a worker does that dies at once. */
function claimAll(core: BrokerCore) {
  const now = core.clock.now();
  const providers = [...core.providers.keys()];
  return core.store.grants.claimDueLeases({ now, providers, othersDueBy: 0, holdMs: 45_000, limit: 10 });
}

/** Lets a worker run for some seconds of a time that only this moves. */
async function assertLooksOnceASecond(t: TestContext, worker: EndDueLeases, looks: () => number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const running = worker.run();
  for (let second = 1; second <= 3; second++) {
    await settled();
    assert.equal(looks(), second);
    t.mock.timers.tick(999);
    await settled();
    assert.equal(looks(), second);
    t.mock.timers.tick(1);
  }
  worker.stop();
  await running;
}

async function restart(core: BrokerCore): Promise<void> {
  core.onStep = () => undefined;
  await core.crash();
}

describe('expiry', () => {
  test('ends a user of a target and a token at their time and not before, and says how late', async (t) => {
    const core = await BrokerCore.start(t);
    const user = await core.takeRead({ ttlMs: 60_000 });
    const token = await core.askDeploy({ ttlMs: 60_000 });
    const session = core.target.login(user.credential);
    assert.equal(await core.pass(59_999), 0);
    session.use('read');
    assert.equal(await core.pass(251), 2);
    assert.throws(() => session.use('read'));
    assert.deepEqual(core.target.entities(), []);
    for (const { lease } of [user, token]) {
      const now = await core.grantOf(lease);
      assert.equal(now.grant.state, 'expired');
      assert.equal(now.lease.state, 'revoked');
      assert.equal(now.lease.containedAt, core.clock.now());
      assert.equal(now.lease.nextAttemptAt, undefined);
    }
    const events = await core.events();
    const contained = events.find(({ type }) => type === 'lease.contained');
    assert.equal(contained?.data['lag_ms'], 250);
    assert.deepEqual(events.at(-1)?.actor, { kind: 'broker' });
    assert.deepEqual(await core.story(token.grant), ['grant.issued', 'lease.revoked', 'grant.ended']);
    assert.equal(
      await core.store.grants.nextDueAt([...core.providers.keys()], core.clock.now() * 2),
      undefined,
    );
  });

  test('of more leases than one pass takes is done by several passes, each lease once', async (t) => {
    const core = await BrokerCore.start(t);
    await Promise.all(Array.from({ length: 450 }, () => core.askDeploy({ ttlMs: 1_000 })));
    core.clock.advance(1_000);
    const taken: number[] = [];
    for (let count = -1; count !== 0; taken.push(count)) count = await core.worker.endDue();
    assert.deepEqual(taken, [200, 200, 50, 0]);
    const ended = (await core.events()).filter(({ type }) => type === 'grant.ended');
    assert.equal(new Set(ended.map(({ grant_id }) => grant_id)).size, 450);
    assert.equal(ended.length, 450);
  });
});

describe('two workers at once', () => {
  test('do each thing once', async (t) => {
    const core = await BrokerCore.start(t);
    const other = core.anotherWorker();
    const taken = await Promise.all([1, 2, 3].map(() => core.takeRead({ ttlMs: 10_000 })));
    await Promise.all(Array.from({ length: 20 }, () => core.askDeploy({ ttlMs: 10_000 })));
    core.clock.advance(10_000);
    const counts = await Promise.all([core.worker.endDue(), other.endDue()]);
    assert.equal((counts[0] ?? 0) + (counts[1] ?? 0), 23);
    assert.equal(core.target.calls.contain, 3);
    assert.equal(core.target.calls.remove, 3);
    for (const { grant } of taken) {
      assert.equal((await core.story(grant)).filter((type) => type === 'grant.ended').length, 1);
    }
  });

  test('and a holder who releases meanwhile: one end is on record, whoever came first', async (t) => {
    const core = await BrokerCore.start(t);
    const other = core.anotherWorker();
    const { grant } = await core.takeRead({ ttlMs: 10_000 });
    core.clock.advance(10_000);
    await Promise.all([core.worker.endDue(), core.release(grant), other.endDue()]);
    for (let i = 0; i < 3; i++) await core.pass(300_100);
    const story = await core.story(grant);
    assert.deepEqual(story.slice(2), ['lease.revoking', 'lease.contained', 'lease.revoked', 'grant.ended']);
    assert.deepEqual(core.target.entities(), []);
  });
});

describe('a broker on a shared store that has not got the provider', () => {
  const without = (core: BrokerCore) => {
    const others = new Map([...core.providers].filter(([name]) => name !== core.target.name));
    return core.anotherWorker(others);
  };

  test('leaves due leases to those that have it, however often it comes first', async (t) => {
    const core = await BrokerCore.start(t);
    const other = without(core);
    const { grant, lease } = await core.takeRead({ ttlMs: 10_000 });
    core.clock.advance(10_000);
    for (let i = 0; i < 5; i++) {
      assert.equal(await other.endDue(), 0);
      core.clock.advance(60_000);
    }
    assert.equal(await core.pass(0), 1);
    assert.deepEqual(core.target.entities(), []);
    assert.equal((await core.grantOf(lease)).lease.state, 'revoked');
    assert.ok(!(await core.story(grant)).includes('lease.stuck'));
  });

  test('ends its own on time beside them, and takes what nobody comes for once it is ten minutes overdue', async (t) => {
    const core = await BrokerCore.start(t);
    const other = without(core);
    const { lease } = await core.takeRead({ ttlMs: 10_000 });
    const token = await core.askDeploy({ ttlMs: 10_000 });
    core.clock.advance(10_000);
    assert.equal(await other.endDue(), 1);
    assert.equal((await core.grantOf(token.lease)).lease.state, 'revoked');
    core.clock.advance(599_999);
    assert.equal(await other.endDue(), 0);
    core.clock.advance(1);
    assert.equal(await other.endDue(), 1);
    assert.equal((await core.grantOf(lease)).lease.state, 'stuck');
    await core.pass(300_100);
    assert.equal((await core.grantOf(lease)).lease.state, 'revoked');
  });

  test('hands an end that is asked of it over at once: the next look of a broker that has it ends it', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead();
    const providers = core.providers as Map<string, Provider>;
    const having = core.anotherWorker(new Map(providers));
    providers.delete(core.target.name);
    for (let i = 0; i < 3; i++) await core.release(grant);
    assert.equal(await core.worker.endDue(), 0);
    assert.equal(await having.endDue(), 1);
    assert.equal((await core.grantOf(lease)).lease.state, 'revoked');
    assert.doesNotMatch(core.logText(), /a lease is stuck/);
  });

  test('does not look without pause while leases of others are due', async (t) => {
    const core = await BrokerCore.start(t);
    const other = without(core);
    await core.takeRead({ ttlMs: 1_000 });
    core.clock.advance(1_000);
    let looks = 0;
    const claim = core.store.grants.claimDueLeases.bind(core.store.grants);
    core.store.grants.claimDueLeases = (options) => {
      looks++;
      return claim(options);
    };
    await assertLooksOnceASecond(t, other, () => looks);
  });
});

describe('a crash', () => {
  const creating = ['intent_committed', 'created'] as const satisfies readonly Step[];
  for (const step of creating) {
    test(`at "${step}" leaves an intent, which the next process clears up as soon as it starts`, async (t) => {
      const core = await BrokerCore.start(t);
      dieAt(core, step);
      const idempotencyKey = 'asked-again-after-it';
      await assert.rejects(core.askRead({ idempotencyKey }), /crash at/);
      assert.equal(await core.pass(0), 0, 'while its maker may be at it, nobody else is');
      await restart(core);
      assert.equal(await core.pass(0), 1);
      await refusalOf(core.askRead({ idempotencyKey }), 'GRANT_ENDED');
      assert.deepEqual(core.target.entities(), []);
      const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 1 });
      assert.equal(grant?.state, 'failed');
      assert.equal(grant?.endReason, 'outcome_unknown');
    });
  }

  test('of a process whose broker has another name leaves an intent alone until its time: somebody else may be at it', async (t) => {
    const core = await BrokerCore.start(t);
    dieAt(core, 'intent_committed');
    await assert.rejects(core.askRead(), /crash at/);
    core.target.entityName = (leaseId) => `other_${leaseId}`;
    await restart(core);
    assert.equal(await core.pass(intentMs - 1), 0);
    assert.equal(await core.pass(1), 1);
  });

  test('lets an end that waits for its target be tried at once: what it waited for may just have been mended', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead();
    core.target.failAlways('contain', unreachable);
    await core.release(grant);
    assert.ok(((await core.grantOf(lease)).lease.nextAttemptAt ?? 0) > core.clock.now());
    await restart(core);
    const { nextAttemptAt, attempts } = (await core.grantOf(lease)).lease;
    assert.deepEqual([nextAttemptAt, attempts], [core.clock.now(), 1]);
  });

  test('at "activated" leaves a lease that nobody got: it ends as undelivered', async (t) => {
    const core = await BrokerCore.start(t);
    dieAt(core, 'activated');
    await assert.rejects(core.askRead(), /crash at/);
    await restart(core);
    assert.equal(await core.pass(deliveryMs), 1);
    assert.deepEqual(core.target.entities(), []);
  });

  for (const step of steps.slice(steps.indexOf('revoking_committed'))) {
    test(`at "${step}" of an end is made good by the next worker, and each step is on record once`, async (t) => {
      const core = await BrokerCore.start(t);
      const { grant } = await core.takeRead();
      dieAt(core, step);
      await assert.rejects(core.release(grant), /crash at/);
      await restart(core);
      await core.pass(0);
      assert.deepEqual(core.target.entities(), []);
      assert.deepEqual(await core.story(grant), [
        'grant.decided',
        'lease.activated',
        'lease.revoking',
        'lease.contained',
        'lease.revoked',
        'grant.ended',
      ]);
    });
  }

  test('at "signed" leaves nothing, and at "signed_committed" a token that its key gets again', async (t) => {
    const core = await BrokerCore.start(t);
    dieAt(core, 'signed');
    const idempotencyKey = 'one-and-the-same';
    await assert.rejects(core.askDeploy({ idempotencyKey }), /crash at/);
    await restart(core);
    assert.deepEqual(await core.events(), []);
    dieAt(core, 'signed_committed');
    await assert.rejects(core.askDeploy({ idempotencyKey }), /crash at/);
    await restart(core);
    assert.equal((await core.askDeploy({ idempotencyKey })).replayed, true);
    assert.equal((await core.events()).length, 1);
  });

  test('of a worker that has claimed users leaves them to the next process at its start, past its end or not', async (t) => {
    const core = await BrokerCore.start(t);
    await core.takeRead({ ttlMs: 1_000 });
    await core.takeRead({ ttlMs: 60_000 });
    core.clock.advance(1_000);
    assert.equal((await claimAll(core)).length, 1);
    await core.crash();
    assert.equal(await core.pass(0), 1);
    assert.equal(core.target.entities().length, 1);
  });

  test('of a worker that has claimed tokens leaves them to the next after the claim', async (t) => {
    const core = await BrokerCore.start(t);
    await core.askDeploy({ ttlMs: 1_000 });
    core.clock.advance(1_000);
    assert.equal((await claimAll(core)).length, 1);
    await core.crash();
    assert.equal(await core.pass(44_999), 0);
    assert.equal(await core.pass(1), 1);
  });
});

describe('the worker', () => {
  test('ends what is due by itself, outlives a store that fails, and stops when told', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead({ ttlMs: 1_000 });
    const claim = core.store.grants.claimDueLeases.bind(core.store.grants);
    let failures = 0;
    core.store.grants.claimDueLeases = (...args) =>
      failures++ < 2 ? Promise.reject(new Error('disk full')) : claim(...args);
    const running = core.worker.run();
    core.clock.advance(1_000);
    await until(
      'the lease is over',
      10_000,
      async () => (await core.grantOf(lease)).lease.state === 'revoked',
    );
    core.worker.stop();
    await running;
    assert.match(core.logText(), /disk full/);
    assert.equal((await core.story(grant)).at(-1), 'grant.ended');
  });

  test('that fails to look does not try without pause', async (t) => {
    const core = await BrokerCore.start(t);
    await core.askDeploy({ ttlMs: 1_000 });
    core.clock.advance(1_000);
    let looks = 0;
    core.store.grants.claimDueLeases = () => {
      looks++;
      return Promise.reject(new Error('disk full'));
    };
    await assertLooksOnceASecond(t, core.worker, () => looks);
  });

  test('goes on with the leases of other targets while one target does not answer', async (t) => {
    const core = await BrokerCore.start(t);
    for (let i = 0; i < 3; i++) await core.takeRead({ ttlMs: 10_000 });
    core.target.failAlways('contain', unreachable);
    const letGo = core.target.hold('contain');
    core.clock.advance(10_000);
    const running = core.worker.run();
    await until('the silent target is asked', 10_000, () => core.target.calls.contain === 3);
    const token = await core.askDeploy({ ttlMs: 1_000 });
    core.clock.advance(1_000);
    await until(
      'the token has ended',
      5_000,
      async () => (await core.grantOf(token.lease)).lease.state === 'revoked',
    );
    core.worker.stop();
    letGo();
    await running;
  });
});

test('what a call without acknowledgement got is not taken for undelivered, whoever asks again', async (t) => {
  const core = await BrokerCore.start(t);
  const question = core.question();
  const { lease } = await core.request.execute(core.asker(), question, byCall);
  await core.request.execute(core.asker(), question, byCall);
  assert.equal(await core.pass(deliveryMs), 0);
  assert.equal((await core.grantOf(lease)).lease.state, 'active');
  const { grant } = await core.askDeploy();
  assert.equal((await core.release(grant, { spiffeId: deployer })).grant.state, 'completed');
});

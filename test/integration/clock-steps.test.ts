import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EndDueLeases } from '../../services/broker/app/ending/end-due-leases.ts';
import { deliveryMs, intentMs } from '../../services/broker/domain/lease.ts';
import { BrokerCore, deployer, reader, refusalOf } from '../harness/broker-core.ts';

const hourMs = 3_600_000;
const unreachable = { when: 'before', kind: 'unreachable', code: 'ETIMEDOUT' } as const;

describe('a clock that is set back by an hour', () => {
  test('puts off no end that its target kept from being done', async (t) => {
    const core = await BrokerCore.start(t);
    const [away, blocked] = [await core.takeRead(), await core.takeRead()];
    core.target.failNext('contain', unreachable);
    await core.release(away.grant);
    core.target.block(blocked.lease.entityName, 'contain', '42501');
    await core.release(blocked.grant);
    assert.equal((await core.grantOf(away.lease)).lease.state, 'revoking');
    assert.equal((await core.grantOf(blocked.lease)).lease.state, 'stuck');
    core.target.mend();
    await core.worker.endDue();

    assert.equal(await core.pass(-hourMs), 2);
    assert.deepEqual(core.target.entities(), []);
    for (const { lease } of [away, blocked]) assert.equal((await core.grantOf(lease)).lease.state, 'revoked');
    assert.match(core.logText(), /the clock was set back/);
  });

  test('ends what was granted before at its own time, and what is granted then at its', async (t) => {
    const core = await BrokerCore.start(t);
    const before = await core.askDeploy({ ttlMs: 60_000 });
    await core.worker.endDue();
    assert.equal(await core.pass(-hourMs), 0);
    const then = await core.askDeploy({ ttlMs: 60_000 });
    const user = await core.takeRead({ ttlMs: 60_000 });
    assert.equal(await core.pass(59_999), 0);
    assert.equal(await core.pass(1), 2);
    assert.deepEqual(core.target.entities(), []);
    for (const { lease } of [then, user]) assert.equal((await core.grantOf(lease)).grant.state, 'expired');
    assert.equal((await core.grantOf(before.lease)).grant.state, 'active');
    assert.equal(await core.pass(hourMs), 1);
    await core.events(); // checks sequence and chain
  });

  test('puts off no end of a credential that nobody acknowledges', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead();
    await core.worker.endDue();
    assert.equal(await core.pass(-hourMs), 0);
    assert.equal(await core.pass(deliveryMs - 1), 0);
    assert.equal(await core.pass(1), 1);
    assert.equal((await core.grantOf(lease)).lease.endReason, 'undelivered');
    assert.deepEqual(core.target.entities(), []);
  });

  test('leaves its whole life to a credential that is acknowledged after it', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead();
    await core.worker.endDue();
    await core.pass(-hourMs);
    await core.delivery.execute(reader, lease.id);
    assert.equal(await core.pass(hourMs), 0);
    assert.equal((await core.grantOf(lease)).lease.state, 'active');
  });

  test('puts off no end of what was created and could not be put on record', async (t) => {
    const core = await BrokerCore.start(t);
    core.onStep = (step) => {
      if (step === 'created') throw new Error('the store is away');
    };
    await assert.rejects(core.askRead(), /the store is away/);
    await core.worker.endDue();
    assert.equal(await core.pass(-hourMs), 0);
    assert.equal(await core.pass(intentMs - 1), 0);
    assert.equal(core.target.usable().length, 1);
    assert.equal(await core.pass(1), 1);
    assert.deepEqual(core.target.entities(), []);
  });

  test('leaves out how long an end took that it came in the middle of', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    core.onStep = (step) => {
      if (step === 'revoking_committed') core.clock.advance(-hourMs);
    };
    await core.release(grant);
    const contained = (await core.events()).find(({ type }) => type === 'lease.contained');
    assert.ok(contained !== undefined && !('lag_ms' in contained.data), JSON.stringify(contained));
  });

  test('leaves a creation that is under way alone', async (t) => {
    const core = await BrokerCore.start(t);
    await core.worker.endDue();
    core.onStep = (step) => {
      if (step === 'intent_committed') core.clock.advance(-hourMs);
      if (step === 'created') void core.worker.endDue();
    };
    const { lease } = await core.takeRead();
    await core.worker.endDue();
    assert.equal((await core.grantOf(lease)).lease.state, 'active');
  });
});

describe('a clock that was ahead by an hour and that nobody sees go back', () => {
  /** Leases that this broker puts off: an end, a credential that nobody acknowledges, an intent. */
  async function putOffThree(core: BrokerCore) {
    core.clock.advance(hourMs);
    const { grant } = await core.takeRead();
    core.target.failNext('contain', unreachable);
    await core.release(grant);
    await core.askRead();
    core.onStep = (step) => {
      if (step === 'created') throw new Error('killed');
    };
    await assert.rejects(core.askRead(), /killed/);
    core.onStep = () => undefined;
    core.clock.advance(-hourMs);
    assert.equal(core.target.usable().length, 3);
  }

  async function assertEnded(core: BrokerCore, worker: EndDueLeases) {
    for (const ms of [0, deliveryMs, intentMs - deliveryMs]) {
      core.clock.advance(ms);
      await worker.endDue();
    }
    assert.deepEqual(core.target.entities(), []);
  }

  test('puts off nothing beyond the start of the next broker', async (t) => {
    const core = await BrokerCore.start(t);
    await putOffThree(core);
    await core.crash();
    await assertEnded(core, core.worker);
  });

  test('puts off nothing that another broker of the store can end, for longer than a minute', async (t) => {
    const core = await BrokerCore.start(t);
    const other = core.anotherWorker();
    await other.endDue();
    await putOffThree(core);
    core.clock.advance(59_999);
    assert.equal(await other.endDue(), 0);
    core.clock.advance(1);
    await assertEnded(core, other);
    assert.match(core.logText(), /a clock ahead of this one/);
  });

  for (const aheadMs of [30_000, 89_000, 120_000, 149_000, 151_000, 600_000])
    test(`(it was ahead by ${aheadMs} ms) puts off no end by more than that, and from 150 s on by a minute`, async (t) => {
      const core = await BrokerCore.start(t);
      const other = core.anotherWorker();
      await other.endDue();
      core.clock.advance(aheadMs);
      const { grant } = await core.takeRead();
      core.target.failNext('contain', unreachable);
      await core.release(grant);
      core.clock.advance(-aheadMs);
      const putOffAt = core.clock.now();
      while (core.target.entities().length > 0) {
        core.clock.advance(1_000);
        await other.endDue();
      }
      const retryMs = 2_000;
      const lateMs = core.clock.now() - putOffAt;
      assert.ok(lateMs <= (aheadMs > 150_000 ? 60_000 : aheadMs + retryMs), `${lateMs} ms late`);
    });

  test('by less than brokers’ clocks may differ: what another broker is at is left to it', async (t) => {
    const core = await BrokerCore.start(t);
    const other = core.anotherWorker();
    core.clock.advance(45_000);
    const { lease } = await core.askRead();
    core.clock.advance(-45_000);
    await other.endDue();
    core.clock.advance(45_000);
    assert.equal(await core.worker.endDue(), 0);
    await core.delivery.execute(reader, lease.id);
    assert.equal((await core.grantOf(lease)).lease.state, 'active');
  });
});

describe('a clock that is set forward by two hours', () => {
  test('ends at once all that is over by it, and grants on', async (t) => {
    const core = await BrokerCore.start(t);
    const [user, token] = [await core.takeRead(), await core.askDeploy()];
    await core.worker.endDue();
    assert.equal(await core.pass(2 * hourMs), 2);
    assert.deepEqual(core.target.entities(), []);
    for (const { lease } of [user, token]) assert.equal((await core.grantOf(lease)).grant.state, 'expired');
    assert.equal((await core.takeRead()).lease.state, 'active');
  });

  test('gives nothing more to an identity whose SVID is over by it, and says why', async (t) => {
    const core = await BrokerCore.start(t);
    const [reader, ci] = [core.asker(), core.asker(deployer)];
    const arrival = { traceparent: undefined, delivery: 'acknowledged' } as const;
    core.clock.advance(2 * hourMs);
    const deploy = { resource: 'web', action: 'deploy' };
    for (const [asker, question] of [
      [reader, core.question()],
      [ci, core.question(deploy)],
    ] as const)
      await refusalOf(core.request.execute(asker, question, arrival), 'PEER_UNAUTHENTICATED');
    assert.deepEqual(core.target.entities(), []);
  });
});

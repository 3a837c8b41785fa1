import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServiceError } from '@stint/common/errors.ts';
import { deliveryMs, intentMs } from '../../services/broker/domain/lease.ts';
import { BrokerCore, byCall, bySession, deployer, reader, refusalOf } from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

const lostReply = { when: 'after', kind: 'ambiguous', code: 'ECONNRESET' } as const;

const idsIn = ({ metadata }: ServiceError) =>
  ['request_id', 'grant_id', 'trace_id'].map((key) => metadata[key]);

describe('a creation that fails', () => {
  test('definitely leaves the lease aborted, the grant failed, nothing at the target and no quota used', async (t) => {
    const core = await BrokerCore.start(t);
    const refusal = await refusalOf(core.askRead({ action: 'broken' }), 'PROVIDER_UNAVAILABLE');
    assert.equal(refusal.metadata['code'], 'no_such_role');
    const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 10 });
    assert.equal(grant?.state, 'failed');
    assert.equal(grant?.endReason, 'creation_failed');
    assert.deepEqual(await core.story(grant ?? assert.fail()), [
      'grant.decided',
      'lease.aborted',
      'grant.ended',
    ]);
    assert.equal(await core.pass(intentMs), 0);
    assert.equal(core.target.calls.contain, 0);
  });

  test('names the records and the trace by which the asker finds out what happened', async (t) => {
    const core = await BrokerCore.start(t);
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = { ...bySession, traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const refusal = await refusalOf(core.askRead({ action: 'broken' }, traced), 'PROVIDER_UNAVAILABLE');
    const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 10 });
    assert.deepEqual(idsIn(refusal), [grant?.requestId, grant?.id, traceId]);
    const records = (await core.events()).filter(({ request_id: id }) => id === grant?.requestId);
    assert.equal(records[0]?.type, 'grant.decided');
    assert.equal(records[0]?.trace?.trace_id, traceId);
  });

  test('in a way that nobody knows is removed by the worker and never handed out', async (t) => {
    const core = await BrokerCore.start(t);
    core.target.failNext('create', lostReply);
    const question = core.question();
    await refusalOf(core.request.execute(core.asker(), question, bySession), 'PROVIDER_UNAVAILABLE');
    assert.equal(core.target.entities().length, 1);
    await refusalOf(core.request.execute(core.asker(), question, bySession), 'GRANT_ENDED');
    assert.equal(core.target.calls.remint, 0);
    await core.pass(0);
    assert.deepEqual(core.target.entities(), []);
    const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 10 });
    assert.equal(grant?.state, 'failed');
    assert.deepEqual(await core.story(grant ?? assert.fail()), [
      'grant.decided',
      'lease.unknown',
      'lease.revoking',
      'lease.contained',
      'lease.revoked',
      'grant.ended',
    ]);
  });

  test("by a fault of the provider's own is taken for one that nobody knows", async (t) => {
    const core = await BrokerCore.start(t);
    core.target.create = () => Promise.reject(new TypeError('a bug'));
    const refusal = await refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    assert.equal(refusal.metadata['code'], 'unexpected');
    assert.ok(!refusal.message.includes('a bug'));
    assert.match(
      core.logText(),
      /"call":"create".*a bug.*access-not-delivered\.test\.ts/,
      'the log has its stack',
    );
    await core.pass(0);
    const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 10 });
    assert.equal(grant?.state, 'failed');
  });

  test('because the worker came first is not delivered, and what was made is removed', async (t) => {
    const core = await BrokerCore.start(t);
    const release = core.target.hold('create');
    const asking = refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    await until('the target is asked', 5_000, () => core.target.calls.create > 0);
    core.target.failAlways('contain', { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' });
    await core.pass(intentMs);
    release();
    const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 10 });
    assert.deepEqual(idsIn(await asking), [grant?.requestId, grant?.id, undefined]);
    assert.equal(core.target.entities().length, 1);
    core.target.mend();
    await core.pass(60_000);
    assert.deepEqual(core.target.entities(), []);
  });
});

describe('the delivery of a credential', () => {
  test('that nobody acknowledges in time ends the lease', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.askRead();
    assert.equal(await core.pass(deliveryMs - 1), 0);
    assert.equal(await core.pass(1), 1);
    const now = await core.grantOf(lease);
    assert.equal(now.lease.state, 'revoked');
    assert.equal(now.lease.endReason, 'undelivered');
    assert.equal(now.grant.state, 'revoked');
    assert.deepEqual((await core.story(grant)).at(-1), 'grant.ended');
    assert.deepEqual(core.target.entities(), []);
    await core.delivery.execute(reader, lease.id);
    assert.deepEqual(await core.grantOf(lease), now);
  });

  test('acknowledged, or by a call that cannot be, lets the lease live to its end', async (t) => {
    const core = await BrokerCore.start(t);
    const acknowledged = await core.takeRead({ ttlMs: 60_000 });
    const called = await core.askRead({ ttlMs: 60_000 }, byCall);
    assert.equal(await core.pass(59_999), 0);
    assert.equal(core.target.usable().length, 2);
    assert.equal(await core.pass(1), 2);
    assert.deepEqual(core.target.entities(), []);
    for (const { lease } of [acknowledged, called]) {
      assert.equal((await core.grantOf(lease)).grant.state, 'expired');
    }
  });

  test("is not acknowledged by anybody else, nor a second time with another time's effect", async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead();
    await core.delivery.execute(deployer, lease.id);
    assert.equal((await core.grantOf(lease)).lease.deliveredAt, undefined);
    await core.delivery.execute(reader, lease.id);
    const { lease: delivered } = await core.grantOf(lease);
    assert.equal(delivered.deliveredAt, core.clock.now());
    core.clock.advance(1_000);
    await core.delivery.execute(reader, lease.id);
    assert.deepEqual((await core.grantOf(lease)).lease, delivered);
  });
});

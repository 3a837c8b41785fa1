import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import type { Credential } from '../../services/broker/app/ports/provider.ts';
import { intentMs } from '../../services/broker/domain/lease.ts';
import { BrokerCore, byCall, bySession, deployer, refusalOf } from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

function claimsOf(credential: Credential): Record<string, unknown> {
  assert.equal(credential.kind, 'token');
  const token = credential.kind === 'token' ? credential.token.revealText() : '';
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

describe('a lifetime', () => {
  test("is the profile's default, or what is wanted, cut by policy and by the asker's SVID, and says which", async (t) => {
    const core = await BrokerCore.start(t);
    const minutes = async (ttlMs: number | undefined, svidMs = 3_600_000) => {
      const question = core.question({
        resource: 'web',
        action: 'deploy',
        ...(ttlMs === undefined ? {} : { ttlMs }),
      });
      const { grant, lease } = await core.request.execute(core.asker(deployer, svidMs), question, bySession);
      assert.equal(grant.expiresAt, lease.expiresAt);
      assert.equal(lease.hardExpiresAt, lease.expiresAt);
      return [(lease.expiresAt - core.clock.now()) / 60_000, ...grant.clampedBy];
    };
    assert.deepEqual(await minutes(undefined), [5]);
    assert.deepEqual(await minutes(60_000), [1]);
    assert.deepEqual(await minutes(600_000), [10]);
    assert.deepEqual(await minutes(900_000), [10, 'policy']);
    assert.deepEqual(await minutes(300_000, 120_000), [2, 'svid']);
    assert.deepEqual(await minutes(900_000, 120_000), [2, 'policy', 'svid']);
  });

  test('of a renewable lease is what is wanted, and its grant lasts as long as policy lets it be renewed', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.askRead({ ttlMs: 60_000 });
    assert.equal(lease.expiresAt, core.clock.now() + 60_000);
    assert.equal(grant.expiresAt, core.clock.now() + 1_800_000);
    assert.equal(lease.hardExpiresAt, grant.expiresAt);
    assert.equal(core.target.validUntil(lease.entityName), lease.expiresAt);
  });
});

describe('access by a signed token', () => {
  test('is one commit of grant, lease and record, and the token says what was granted and no more', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease, credential, replayed } = await core.askDeploy({ parameters: { table: 'orders' } });
    assert.equal(replayed, false);
    assert.deepEqual(await core.grantOf(lease), { grant, lease });
    const [event, ...more] = await core.events();
    assert.deepEqual(more, []);
    assert.equal(event?.type, 'grant.issued');
    assert.equal(event?.grant_id, grant.id);
    assert.equal(event?.lease_id, lease.id);
    assert.deepEqual(event?.data['rule_ids'], ['ci-deploys']);
    const claims = claimsOf(credential);
    assert.equal(claims['sub'], deployer);
    assert.equal(claims['jti'], lease.id);
    assert.equal(claims['exp'], Math.floor(lease.expiresAt / 1_000));
    assert.equal(claims['grant_id'], grant.id);
    const token = credential.kind === 'token' ? credential.token.revealText() : '';
    assert.ok(!JSON.stringify(await core.events()).includes(token));
    assert.ok(!core.logText().includes(token));
  });

  test('replayed is the same claims, also after a crash and at a later time', async (t) => {
    const core = await BrokerCore.start(t);
    const asked = { idempotencyKey: 'same-key' };
    const first = await core.askDeploy(asked);
    core.clock.advance(60_000);
    await core.crash();
    const second = await core.askDeploy(asked);
    assert.equal(second.replayed, true);
    assert.deepEqual(claimsOf(second.credential), claimsOf(first.credential));
    assert.deepEqual(second.lease, first.lease);
    assert.equal((await core.events()).length, 1);
  });
});

describe('access by a user at a target', () => {
  test('is an intent on record before the target is asked, and active on record before the answer', async (t) => {
    const core = await BrokerCore.start(t);
    const release = core.target.hold('create');
    const asking = core.askRead();
    await until('the target is asked', 5_000, () => core.target.calls.create > 0);
    const [decided, ...none] = await core.events();
    assert.deepEqual(none, []);
    assert.equal(decided?.type, 'grant.decided');
    const intent = (await core.store.grants.listGrants({ liveOnly: true, limit: 1 }))[0];
    assert.equal(intent?.id, decided?.grant_id);
    release();
    const { grant, lease, credential } = await asking;
    core.target.login(credential).use('read');
    assert.deepEqual(await core.story(grant), ['grant.decided', 'lease.activated']);
    const stored = await core.grantOf(lease);
    assert.deepEqual(stored, { grant, lease });
    assert.equal(stored.lease.state, 'active');
    assert.equal(stored.lease.deliveredAt, undefined);
    assert.deepEqual((await core.events()).at(-1)?.data['handle'], lease.handle);
    const password = credential.kind === 'database' ? credential.password.revealText() : '';
    assert.ok(!JSON.stringify(await core.events()).includes(password));
  });

  test('asked for twice at once with one key is created once, and both get it', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    const release = core.target.hold('create');
    const asking = [1, 2, 3].map(() => core.request.execute(core.asker(), question, bySession));
    await until('the target is asked', 5_000, () => core.target.calls.create > 0);
    release();
    const answers = await Promise.all(asking);
    assert.equal(core.target.calls.create, 1);
    assert.deepEqual(
      answers.map(({ replayed }) => replayed),
      [false, true, true],
    );
    for (const { credential } of answers) core.target.login(credential).use('read');
    assert.equal((await core.store.grants.listGrants({ liveOnly: false, limit: 10 })).length, 1);
  });

  test('replayed is the same user with a new password, and the old one no longer works', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    const first = await core.request.execute(core.asker(), question, byCall);
    await core.crash();
    const second = await core.request.execute(core.asker(), question, byCall);
    assert.equal(second.replayed, true);
    assert.equal(second.lease.entityName, first.lease.entityName);
    core.target.login(second.credential).use('read');
    assert.throws(() => core.target.login(first.credential));
    assert.equal((await core.events()).length, 2);
  });

  test('is refused as PROVIDER_UNAVAILABLE when the target does not take the new password of a replay', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    const { grant } = await core.request.execute(core.asker(), question, byCall);
    core.target.failNext('remint', { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' });
    const again = () => core.request.execute(core.asker(), question, byCall);
    const refusal = await refusalOf(again(), 'PROVIDER_UNAVAILABLE');
    assert.equal(refusal.metadata['code'], 'ECONNREFUSED');
    assert.equal(refusal.metadata['request_id'], grant.requestId);
    core.target.login((await again()).credential).use('read');
  });

  test('replayed after its maker could not commit is over at once, and what he made is removed', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    const again = () => core.request.execute(core.asker(), question, bySession);
    const { commit } = core.store.ledger;
    core.onStep = (step) => {
      if (step !== 'created') return;
      const unavailable = new ServiceError('STORE_UNAVAILABLE', 'store: the commit failed');
      core.store.ledger.commit = () => Promise.reject(unavailable);
    };
    await refusalOf(again(), 'STORE_UNAVAILABLE');
    core.onStep = () => undefined;
    core.store.ledger.commit = commit;
    const refusals = await Promise.all([
      refusalOf(again(), 'GRANT_ENDED'),
      refusalOf(again(), 'GRANT_ENDED'),
    ]);
    assert.equal(refusals[0].metadata['state'], 'ending');
    assert.equal(await core.pass(0), 1);
    assert.deepEqual(core.target.entities(), []);
    await refusalOf(again(), 'GRANT_ENDED');
    const events = await core.events();
    assert.equal(events.filter(({ type }) => type === 'lease.unknown').length, 1);
  });

  test('replayed while another broker is making its credential is to be asked again', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    core.onStep = (step) => {
      if (step === 'created') throw new Error('crash');
    };
    await assert.rejects(core.request.execute(core.asker(), question, bySession), /crash/);
    core.onStep = () => undefined;
    const ownName = core.target.entityName;
    core.target.entityName = (leaseId) => `other_${leaseId}`;
    const again = () => core.request.execute(core.asker(), question, bySession);
    await refusalOf(again(), 'CONCURRENT_UPDATE');
    core.target.entityName = ownName;
    await core.pass(intentMs);
    await refusalOf(again(), 'GRANT_ENDED');
    assert.deepEqual(core.target.entities(), []);
  });

  test('replayed between its end and the pass that ends it gives nothing', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question({ ttlMs: 10_000 });
    await core.request.execute(core.asker(), question, byCall);
    core.clock.advance(10_000);
    await refusalOf(core.request.execute(core.asker(), question, byCall), 'GRANT_ENDED');
  });

  test('is bounded in number for each identity and action, and one that ends makes room', async (t) => {
    const core = await BrokerCore.start(t);
    const settled = await Promise.allSettled(Array.from({ length: 8 }, () => core.takeRead()));
    const given = settled.filter((result) => result.status === 'fulfilled');
    assert.equal(given.length, 3);
    assert.equal(core.target.entities().length, 3);
    await refusalOf(core.askRead(), 'QUOTA_EXCEEDED');
    await core.release(given[0]?.value.grant ?? assert.fail());
    await core.askRead();
  });
});

describe('an idempotency key', () => {
  test('with another body is refused, whoever else uses it goes free, and nothing is written', async (t) => {
    const core = await BrokerCore.start(t);
    const idempotencyKey = 'the-one-key';
    await core.askDeploy({ idempotencyKey });
    for (const other of [{ justification: 'another' }, { ttlMs: 60_000 }, { parameters: { table: 'a' } }])
      await refusalOf(core.askDeploy({ idempotencyKey, ...other }), 'IDEMPOTENCY_KEY_REUSED');
    assert.equal((await core.events()).length, 1);
    const { replayed } = await core.askRead({ idempotencyKey });
    assert.equal(replayed, false);
  });

  test('of a grant that is over is refused', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    const { grant } = await core.request.execute(core.asker(), question, bySession);
    await core.release(grant);
    const refusal = await refusalOf(core.request.execute(core.asker(), question, bySession), 'GRANT_ENDED');
    assert.equal(refusal.metadata['state'], 'completed');
  });
});

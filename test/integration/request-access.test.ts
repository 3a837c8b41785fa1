import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorReason, isServiceError, ServiceError } from '@stint/common/errors.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { Credential } from '../../services/broker/app/ports.ts';
import { refusalsPerIdentity } from '../../services/broker/app/refusal-rate.ts';
import { deliveryMs, intentMs } from '../../services/broker/domain/lease.ts';
import {
  BrokerCore,
  byCall,
  bySession,
  deployer,
  reader,
  refusalOf,
  suspended,
} from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

const stranger = parseSpiffeId('spiffe://stint.local/stranger');
const lostReply = { when: 'after', kind: 'ambiguous', code: 'ECONNRESET' } as const;

function claimsOf(credential: Credential): Record<string, unknown> {
  assert.equal(credential.kind, 'token');
  const token = credential.kind === 'token' ? credential.token.revealText() : '';
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

describe('a refusal', () => {
  const recorded: readonly [ErrorReason, Parameters<BrokerCore['question']>[0], typeof reader][] = [
    ['IDENTITY_UNKNOWN', {}, stranger],
    ['IDENTITY_SUSPENDED', {}, suspended],
    ['RESOURCE_NOT_FOUND', { resource: 'nothing' }, reader],
    ['PROFILE_NOT_FOUND', { action: 'drop' }, reader],
    ['GRANT_DENIED', { action: 'write' }, reader],
    ['TTL_OUT_OF_RANGE', { ttlMs: 3_600_001 }, reader],
  ];
  for (const [reason, overrides, spiffeId] of recorded) {
    test(`${reason} is on record before it is told, under the id that it is told with, and nothing else is written`, async (t) => {
      const core = await BrokerCore.start(t);
      const question = core.question(overrides);
      const refusal = await refusalOf(
        core.request.execute(core.asker(spiffeId), question, bySession),
        reason,
      );
      const [event, ...more] = await core.events();
      assert.deepEqual(more, []);
      assert.equal(event?.type, 'access.denied');
      assert.equal(event?.request_id, refusal.metadata['request_id']);
      assert.deepEqual(event?.actor, {
        kind: 'workload',
        spiffe_id: spiffeId,
        svid_sha256: 'c'.repeat(64),
      });
      const { data } = event ?? {};
      assert.equal(data?.['reason'], reason);
      assert.equal(data?.['resource'], question.resource);
      assert.equal(data?.['justification'], 'nightly report');
      assert.deepEqual(await core.store.grants.listGrants({ liveOnly: false, limit: 10 }), []);
      assert.deepEqual(core.target.entities(), []);
      assert.equal(core.target.calls.create, 0);
    });
  }

  test("of policy names the rules and their words, and the bundle's hash", async (t) => {
    const core = await BrokerCore.start(t);
    const refusal = await refusalOf(core.askRead({ action: 'write' }), 'GRANT_DENIED');
    assert.match(refusal.message, /nobody writes/);
    assert.equal(refusal.metadata['rule_ids'], 'never-write');
    const [event] = await core.events();
    assert.deepEqual(event?.data['rule_ids'], ['never-write']);
    assert.deepEqual(event?.data['reasons'], ['nobody writes']);
    assert.equal(event?.data['policy_sha256'], 'f'.repeat(64));
  });

  test('for a quota is on record', async (t) => {
    const core = await BrokerCore.start(t);
    for (let i = 0; i < 3; i++) await core.askRead();
    const refusal = await refusalOf(core.askRead(), 'QUOTA_EXCEEDED');
    const last = (await core.events()).at(-1);
    assert.equal(last?.type, 'access.denied');
    assert.equal(last?.data['reason'], 'QUOTA_EXCEEDED');
    assert.equal(last?.request_id, refusal.metadata['request_id']);
    assert.equal(core.target.entities().length, 3);
  });

  test('of malformed fields writes nothing at all', async (t) => {
    const core = await BrokerCore.start(t);
    for (const fault of [
      { idempotencyKey: 'short' },
      { resource: '' },
      { action: 'a b' },
      { justification: 'two\nlines' },
      { justification: 'x'.repeat(10_000_000) },
      { context: { 'Not a key': '' } },
      { parameters: { key: '\u202e' } },
    ])
      await refusalOf(core.askRead(fault), 'INVALID_FIELD');
    for (const ttlMs of [0, -1, 999, 86_400_001, Number.NaN])
      await refusalOf(core.askRead({ ttlMs }), 'TTL_OUT_OF_RANGE');
    assert.deepEqual(await core.events(), []);
  });

  test('is not told when its record cannot be written', async (t) => {
    const core = await BrokerCore.start(t);
    await core.store.close();
    await refusalOf(core.askRead({ action: 'write' }), 'SHUTTING_DOWN');
    await core.crash();
    assert.deepEqual(await core.events(), []);
  });

  test("beyond the identity's rate is counted in its next record, tells nothing of policy, and hinders nobody", async (t) => {
    const core = await BrokerCore.start(t);
    const { burst, intervalMs } = refusalsPerIdentity;
    const over = 5;
    const ask = (i: number) => core.askRead(i % 2 === 0 ? { action: 'write' } : { resource: 'nothing' });
    const settled = await Promise.allSettled(Array.from({ length: burst + over }, (_, i) => ask(i)));
    const limited = settled.flatMap(({ status, ...rest }) =>
      'reason' in rest && isServiceError(rest.reason, 'RATE_LIMITED') ? [rest.reason] : [],
    );
    assert.equal(limited.length, over);
    const words = new Set(limited.map(({ message, metadata }) => JSON.stringify({ message, metadata })));
    assert.equal(words.size, 1, 'policy and registry refuse in the same words');
    assert.deepEqual(
      limited.map(({ retryAfterMs }) => retryAfterMs),
      Array.from({ length: over }, () => intervalMs),
    );
    assert.equal((await core.events()).length, burst);
    await core.askRead();
    const other = core.question({ resource: 'nothing' });
    await refusalOf(core.request.execute(core.asker(deployer), other, bySession), 'RESOURCE_NOT_FOUND');
    assert.equal((await core.events()).at(-1)?.data['unrecorded'], undefined);

    core.clock.advance(intervalMs);
    await refusalOf(ask(0), 'GRANT_DENIED');
    assert.equal((await core.events()).at(-1)?.data['unrecorded'], over);
    core.clock.advance(intervalMs);
    await refusalOf(ask(0), 'GRANT_DENIED');
    assert.equal((await core.events()).at(-1)?.data['unrecorded'], undefined, 'it is told once');
  });
});

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
    await until('the target is asked', 5_000, () => core.target.calls.create || undefined);
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
    assert.equal((await core.events()).at(-1)?.data['role_oid'], lease.handle['role_oid']);
    const password = credential.kind === 'database' ? credential.password.revealText() : '';
    assert.ok(!JSON.stringify(await core.events()).includes(password));
  });

  test('asked for twice at once with one key is created once, and both get it', async (t) => {
    const core = await BrokerCore.start(t);
    const question = core.question();
    const release = core.target.hold('create');
    const asking = [1, 2, 3].map(() => core.request.execute(core.asker(), question, bySession));
    await until('the target is asked', 5_000, () => core.target.calls.create || undefined);
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
    await core.request.execute(core.asker(), question, byCall);
    core.target.failNext('remint', { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' });
    const again = () => core.request.execute(core.asker(), question, byCall);
    const refusal = await refusalOf(again(), 'PROVIDER_UNAVAILABLE');
    assert.equal(refusal.metadata['code'], 'ECONNREFUSED');
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
    await core.pass(0);
    const [grant] = await core.store.grants.listGrants({ liveOnly: false, limit: 10 });
    assert.equal(grant?.state, 'failed');
  });

  test('because the worker came first is not delivered, and what was made is removed', async (t) => {
    const core = await BrokerCore.start(t);
    const release = core.target.hold('create');
    const asking = refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    await until('the target is asked', 5_000, () => core.target.calls.create || undefined);
    core.target.failAlways('contain', { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' });
    await core.pass(intentMs);
    release();
    await asking;
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

describe('a full audit backlog', () => {
  test('refuses every new question without a word on record, and endings go on', async (t) => {
    const core = await BrokerCore.start(t, { limits: { eventsMax: 6 } });
    const { grant } = await core.takeRead();
    const { grant: token } = await core.askDeploy();
    await core.askDeploy();
    await core.askDeploy();
    await refusalOf(core.askDeploy(), 'AUDIT_UNAVAILABLE');
    await refusalOf(core.askRead({ action: 'write' }), 'AUDIT_UNAVAILABLE');
    const before = (await core.events()).length;
    await core.release(grant);
    await core.release(token, { spiffeId: deployer });
    assert.deepEqual(core.target.entities(), []);
    assert.ok((await core.events()).length > before);
  });

  test('is one that is too old as well as one that is too long', async (t) => {
    const core = await BrokerCore.start(t, { limits: { ageMsMax: 60_000 } });
    await core.askDeploy();
    core.clock.advance(60_000);
    const refusal = await refusalOf(core.askDeploy(), 'AUDIT_UNAVAILABLE');
    assert.match(refusal.message, /1m old/);
    core.store.outbox.release(core.store.ledger.sequence());
    await until('the receipt is taken in', 5_000, () =>
      core.store.ledger.backlog().events === 0 ? true : undefined,
    );
    await core.askDeploy();
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import type { EndedLease } from '../../services/broker/app/ending/ended-lease-feed.ts';
import type { Provider } from '../../services/broker/app/ports/provider.ts';
import { intentMs, retryMsMax } from '../../services/broker/domain/lease.ts';
import { BrokerCore, deployer, reader, refusalOf } from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

const unreachable = { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' } as const;
const blocked = { when: 'before', kind: 'blocked', code: '2BP01' } as const;
const lostReply = { when: 'after', kind: 'ambiguous', code: 'ECONNRESET' } as const;

const wholeStory = [
  'grant.decided',
  'lease.activated',
  'lease.revoking',
  'lease.contained',
  'lease.revoked',
  'grant.ended',
];

/** What the feed tells from now on. */
function heard(core: BrokerCore): EndedLease[] {
  const told: EndedLease[] = [];
  core.feed.subscribe((leases) => void told.push(...leases));
  return told;
}

describe('releasing a grant', () => {
  test('and waiting: at the answer its session is cut and its user is gone', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease, credential } = await core.takeRead();
    const session = core.target.login(credential);
    const ended = await core.release(grant);
    assert.throws(() => session.use('read'));
    assert.deepEqual(core.target.entities(), []);
    assert.equal(ended.grant.state, 'completed');
    assert.equal(ended.grant.endedAt, core.clock.now());
    const [gone] = ended.leases;
    assert.equal(gone?.state, 'revoked');
    assert.equal(gone?.containedAt, core.clock.now());
    assert.equal(gone?.nextAttemptAt, undefined);
    assert.deepEqual(await core.story(grant), wholeStory);
    const contained = (await core.events()).find(({ type }) => type === 'lease.contained');
    assert.deepEqual(contained?.data['proof'], { can_login: false, sessions_cut: 1, sessions_left: 0 });
    assert.equal(contained?.lease_id, lease.id);
  });

  test('without waiting: the answer comes when its end is on record, and the end goes on by itself', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    const letGo = core.target.hold('contain');
    const ending = await core.release(grant, { waitContained: false });
    assert.equal(ending.grant.state, 'ending');
    assert.equal(ending.leases[0]?.state, 'revoking');
    assert.equal((await core.story(grant)).at(-1), 'lease.revoking');
    letGo();
    await until(
      'the grant is over',
      5_000,
      async () => (await core.grantOf(ending.leases[0] ?? assert.fail())).grant.state === 'completed',
    );
  });

  test('tells grant and lease as each commit left them, whatever was known of them before', async (t) => {
    const core = await BrokerCore.start(t);
    const known = await core.askRead();
    await core.delivery.execute(reader, known.lease.id);
    const begun = await core.ending.begin(known, { reason: 'revoked', actor: { kind: 'broker' } });
    assert.deepEqual(begun, await core.grantOf(known.lease));
    assert.deepEqual(await core.ending.drive(begun), await core.grantOf(known.lease));
  });

  test('again, or twice at once, succeeds and changes nothing', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    await Promise.all([core.release(grant), core.release(grant)]);
    const { grant: ended } = await core.release(grant);
    assert.equal(ended.state, 'completed');
    assert.deepEqual(await core.story(grant), wholeStory);
    const token = await core.askDeploy();
    for (let i = 0; i < 2; i++) await core.release(token.grant, { spiffeId: deployer });
    assert.deepEqual(await core.story(token.grant), ['grant.issued', 'lease.revoked', 'grant.ended']);
  });

  test('that is not there, or is somebody else’s, looks the same', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead();
    const missing = newId('grant', core.clock.now());
    const foreign = await refusalOf(core.release(grant, { spiffeId: deployer }), 'GRANT_NOT_FOUND');
    const absent = await refusalOf(core.release({ id: missing }), 'GRANT_NOT_FOUND');
    assert.equal(foreign.message.replace(grant.id, ''), absent.message.replace(missing, ''));
    assert.deepEqual(Object.keys(foreign.metadata), Object.keys(absent.metadata));
    assert.equal((await core.grantOf(lease)).grant.state, 'active');
  });

  test('whose user is still being made takes hold: nothing is handed out and nothing stays', async (t) => {
    const core = await BrokerCore.start(t);
    const letGo = core.target.hold('create');
    const asking = refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    await until('the target is asked', 5_000, () => core.target.calls.create > 0);
    const [grant] = await core.store.grants.listGrants({ liveOnly: true, limit: 1 });
    assert.ok(grant !== undefined);
    assert.equal((await core.release(grant)).grant.state, 'completed');
    letGo();
    await asking;
    assert.deepEqual(core.target.entities(), []);
    assert.equal(
      (await core.grantOf((await core.store.grants.findGrant(grant.id))?.leases[0] ?? assert.fail())).lease
        .state,
      'revoked',
    );
  });
});

describe('the answer to a release', () => {
  /** How often the grant is read for a release; what it answers is what the rows then say. */
  async function readsOf(
    core: BrokerCore,
    release: () => ReturnType<BrokerCore['release']>,
  ): Promise<number> {
    const { grants } = core.store;
    const find = grants.findGrant.bind(grants);
    let reads = 0;
    grants.findGrant = (id) => {
      reads++;
      return find(id);
    };
    const answer = await release();
    grants.findGrant = find;
    assert.deepEqual(answer, await find(answer.grant.id));
    return reads;
  }

  test('is what was committed, for one reading of the grant, when the end goes straight through', async (t) => {
    const core = await BrokerCore.start(t);
    const user = await core.takeRead();
    assert.equal(await readsOf(core, () => core.release(user.grant)), 1);
    assert.equal(await readsOf(core, () => core.release(user.grant, { waitContained: false })), 1);
    const token = await core.askDeploy();
    assert.equal(await readsOf(core, () => core.release(token.grant, { spiffeId: deployer })), 1);
    const unwatched = await core.takeRead();
    const letGo = core.target.hold('contain');
    assert.equal(await readsOf(core, () => core.release(unwatched.grant, { waitContained: false })), 1);
    letGo();
  });

  test('is what the rows say when the end does not come through, or comes to a lease in the making', async (t) => {
    const core = await BrokerCore.start(t);
    const held = await core.takeRead();
    core.target.failAlways('contain', unreachable);
    assert.equal(await readsOf(core, () => core.release(held.grant)), 2);
    core.target.mend();
    const newest = async () => (await core.store.grants.listGrants({ liveOnly: true, limit: 1 }))[0];
    core.clock.advance(1);
    core.target.failNext('create', lostReply);
    await refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    const failing = (await newest()) ?? assert.fail();
    assert.equal(await readsOf(core, () => core.release(failing)), 1);
    core.clock.advance(1);
    const letGo = core.target.hold('create');
    const asking = refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    await until('the target is asked', 5_000, () => core.target.calls.create === 3);
    const making = (await newest()) ?? assert.fail();
    assert.equal(await readsOf(core, () => core.release(making)), 1);
    letGo();
    await asking;
  });

  test('is what the rows say when another broker is at the lease too: its end is on record once', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    const letGo = core.target.hold('contain');
    const releasing = readsOf(core, () => core.release(grant));
    await until('the target is asked', 5_000, () => core.target.calls.contain === 1);
    core.clock.advance(intentMs);
    const other = core.anotherWorker().endDue();
    await until('the target is asked twice', 5_000, () => core.target.calls.contain === 2);
    letGo();
    await Promise.all([releasing, other]);
    assert.deepEqual(await core.story(grant), wholeStory);
  });
});

describe('the end of a lease is told', () => {
  test('to every verifier when it comes before its time', async (t) => {
    const core = await BrokerCore.start(t);
    const told = heard(core);
    const token = await core.askDeploy();
    const user = await core.takeRead();
    await core.release(token.grant, { spiffeId: deployer });
    await core.release(user.grant);
    assert.deepEqual(
      told.map(({ id, reason, expiresAt }) => ({ id, reason, expiresAt })),
      [token, user].map(({ lease }) => ({
        id: lease.id,
        reason: 'completed',
        expiresAt: lease.expiresAt,
      })),
    );
  });

  test('to nobody when it comes in time: they know it', async (t) => {
    const core = await BrokerCore.start(t);
    const told = heard(core);
    await core.askDeploy({ ttlMs: 10_000 });
    await core.takeRead({ ttlMs: 10_000 });
    assert.equal(await core.pass(10_000), 2);
    assert.deepEqual(told, []);
  });
});

describe('revoking a grant by the operator', () => {
  test("carries his words on record, and reaches anybody's", async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    const ender = { kind: 'operator', note: 'incident 7' } as const;
    const ended = await core.endGrant.execute(ender, grant.id, { reason: 'revoked', waitContained: true });
    assert.equal(ended.grant.state, 'revoked');
    const revoking = (await core.events()).find(({ type }) => type === 'lease.revoking');
    assert.deepEqual(revoking?.actor, { kind: 'operator' });
    assert.equal(revoking?.data['note'], 'incident 7');
    assert.equal(revoking?.data['reason'], 'revoked');
  });
});

describe('a target that does not answer', () => {
  test('is asked again, later each time, with the tries on the row, until it does', async (t) => {
    const core = await BrokerCore.start(t, { random: () => 0.999 });
    const { grant, lease } = await core.takeRead();
    core.target.failAlways('contain', unreachable);
    const { leases } = await core.release(grant);
    assert.equal(leases[0]?.state, 'revoking');
    const waits: number[] = [];
    for (let tries = 1; tries <= 12; tries++) {
      const { lease: waiting } = await core.grantOf(lease);
      assert.equal(waiting.attempts, tries);
      assert.equal(waiting.lastError, 'ECONNREFUSED');
      const waitMs = (waiting.nextAttemptAt ?? assert.fail()) - core.clock.now();
      waits.push(waitMs);
      assert.equal(await core.pass(waitMs - 1), 0);
      // The next process tries at once, and counts on.
      await core.crash();
      assert.equal(await core.pass(0), 1);
    }
    assert.deepEqual(
      waits,
      waits.toSorted((a, b) => a - b),
    );
    assert.ok((waits[0] ?? 0) < 2_000 && (waits.at(-1) ?? 0) > 15_000, String(waits));
    assert.ok(Math.max(...waits) <= retryMsMax + 100, String(waits));
    assert.equal((await core.story(grant)).at(-1), 'lease.revoking');
    core.target.mend();
    await core.pass(300_100);
    assert.deepEqual(await core.story(grant), wholeStory);
    assert.deepEqual(core.target.entities(), []);
  });

  test('and one whose answer is lost, is asked once more, and the end is on record once', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    core.target.failNext('contain', lostReply);
    core.target.failNext('remove', lostReply);
    await core.release(grant);
    for (let i = 0; i < 3; i++) await core.pass(300_100);
    assert.deepEqual(await core.story(grant), wholeStory);
    assert.deepEqual(core.target.entities(), []);
  });
});

describe('a target that refuses', () => {
  for (const call of ['contain', 'remove'] as const) {
    test(`to ${call}: stuck is on record once, tries go on, and it ends when it is mended`, async (t) => {
      const core = await BrokerCore.start(t);
      const { grant, lease } = await core.takeRead();
      core.target.failAlways(call, blocked);
      const { leases } = await core.release(grant);
      assert.equal(leases[0]?.state, 'stuck');
      assert.equal(leases[0]?.containedAt === undefined, call === 'contain');
      for (let i = 0; i < 3; i++) assert.equal(await core.pass(300_100), 1);
      assert.equal(core.target.calls[call], 4);
      const { lease: stuck } = await core.grantOf(lease);
      assert.equal(stuck.state, 'stuck');
      assert.equal(stuck.attempts, 4);
      assert.equal(stuck.lastError, '2BP01');
      const told = await core.story(grant);
      assert.equal(told.filter((type) => type === 'lease.stuck').length, 1);
      core.target.mend();
      await core.pass(300_100);
      const { grant: ended, lease: gone } = await core.grantOf(lease);
      assert.equal(ended.state, 'completed');
      assert.equal(gone.state, 'revoked');
      assert.equal(gone.lastError, undefined);
      assert.deepEqual(core.target.entities(), []);
      assert.deepEqual(
        (await core.story(grant)).filter((type) => type !== 'lease.stuck'),
        wholeStory,
      );
    });
  }

  test('by a fault of the provider’s own is tried again after a while', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await core.takeRead();
    const contain = core.target.contain.bind(core.target);
    core.target.contain = () => Promise.reject(new TypeError('a bug'));
    await core.release(grant, { waitContained: false });
    core.target.contain = contain;
    await core.pass(intentMs);
    assert.deepEqual(await core.story(grant), wholeStory);
  });
});

describe('what has left the configuration', () => {
  test('a resource that left the registry: its leases end as ever, at their time and by their holders', async (t) => {
    const core = await BrokerCore.start(t);
    const [released, expiring] = [await core.takeRead(), await core.takeRead({ ttlMs: 60_000 })];
    core.target.failNext('create', lostReply);
    await refusalOf(core.askRead(), 'PROVIDER_UNAVAILABLE');
    (core.bundles.current().registry.resources as Map<string, unknown>).delete('sales');
    await refusalOf(core.askRead(), 'RESOURCE_NOT_FOUND');
    assert.equal((await core.release(released.grant)).grant.state, 'completed');
    await core.pass(60_000);
    assert.deepEqual(core.target.entities(), []);
    assert.equal((await core.grantOf(expiring.lease)).grant.state, 'expired');
    const stuck = (await core.events()).filter(({ type }) => type === 'lease.stuck');
    assert.deepEqual(stuck, []);
  });

  test('a provider that no broker was started with: stuck once long overdue, said once as an error with what to do, and ended once it is back', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead();
    const providers = core.providers as Map<string, Provider>;
    providers.delete('database');
    const { leases } = await core.release(grant);
    assert.equal(leases[0]?.state, 'revoking');
    assert.equal(await core.pass(599_999), 0);
    assert.equal(await core.pass(1), 1);
    const { state, lastError } = (await core.grantOf(lease)).lease;
    assert.deepEqual([state, lastError], ['stuck', 'provider_not_configured']);
    assert.equal(await core.pass(900_100), 1);
    const errors = core
      .logText()
      .split('\n')
      .filter((line) => line.includes('a lease is stuck'));
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /"level":"?(?:error|50)/);
    assert.match(errors[0] ?? '', /declare provider \\"database\\" in the providers file again/);
    providers.set('database', core.target);
    await core.pass(300_100);
    assert.equal((await core.grantOf(lease)).lease.state, 'revoked');
    assert.deepEqual(core.target.entities(), []);
  });

  test('a provider that signs and was away: its token, stuck meanwhile, ends once it is back', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askDeploy({ ttlMs: 60_000 });
    const providers = core.providers as Map<string, Provider>;
    const token = providers.get('token') ?? assert.fail();
    providers.delete('token');
    assert.equal(await core.pass(660_000), 1);
    assert.equal((await core.grantOf(lease)).lease.state, 'stuck');
    providers.set('token', token);
    await core.pass(300_100);
    const { lease: ended, grant } = await core.grantOf(lease);
    assert.deepEqual([ended.state, grant.state], ['revoked', 'expired']);
  });
});

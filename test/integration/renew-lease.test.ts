import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newId } from '@stint/common/ids.ts';
import { formatTime } from '@stint/common/time.ts';
import type { AccessAnswer } from '../../services/broker/app/access/request-access.ts';
import { deliveryMs } from '../../services/broker/domain/lease.ts';
import { BrokerCore, deployer, refusalOf, testBundle } from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

const minuteMs = 60_000;

const unreachable = { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' } as const;
const lostReply = { when: 'after', kind: 'ambiguous', code: 'ECONNRESET' } as const;

/** Does something once a worker has claimed what is due, and before any of it has its turn. */
function afterClaim(core: BrokerCore, meanwhile: () => Promise<void>): void {
  const claim = core.store.grants.claimDueLeases.bind(core.store.grants);
  core.store.grants.claimDueLeases = async (options) => {
    core.store.grants.claimDueLeases = claim;
    const claimed = await claim(options);
    await meanwhile();
    return claimed;
  };
}

describe('a renewed lease', () => {
  test('lives longer at the target and on the row, is on record, and ends at its new time', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease, credential } = await core.takeRead({ ttlMs: minuteMs });
    core.clock.advance(50_000);
    const renewed = await core.renewal.execute(core.asker(), lease.id, 5 * minuteMs);
    const end = core.clock.now() + 5 * minuteMs;
    assert.equal(renewed.expiresAt, end);
    assert.deepEqual((await core.grantOf(lease)).lease, renewed);
    assert.equal(core.target.validUntil(lease.entityName), end);
    const event = (await core.events()).at(-1);
    assert.equal(event?.type, 'lease.renewed');
    assert.equal(event?.data['expires_at'], formatTime(end));
    assert.deepEqual(
      [event?.lease_id, event?.request_id, event?.data['resource']],
      [lease.id, grant.requestId, 'sales'],
    );
    assert.equal(await core.pass(5 * minuteMs - 1), 0);
    core.target.login(credential).use('read');
    assert.equal(await core.pass(1), 1);
    assert.deepEqual(core.target.entities(), []);
    assert.equal((await core.grantOf(lease)).grant.state, 'expired');
    assert.equal((await core.story(grant)).filter((type) => type === 'grant.ended').length, 1);
  });

  test("gets the profile's default when no time is wanted", async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.takeRead({ ttlMs: minuteMs });
    const { expiresAt } = await core.renewal.execute(core.asker(), lease.id, undefined);
    assert.equal(expiresAt, core.clock.now() + 5 * minuteMs);
  });

  test("never outlives its grant, nor its holder's SVID, however often it is renewed", async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead({ ttlMs: 5 * minuteMs });
    const bySvid = await core.renewal.execute(core.asker(undefined, 10 * minuteMs), lease.id, 60 * minuteMs);
    assert.equal(bySvid.expiresAt, core.clock.now() + 10 * minuteMs);
    const { expiresAt } = await core.renewal.execute(core.asker(), lease.id, 60 * minuteMs);
    assert.equal(expiresAt, grant.expiresAt);
    assert.equal(core.target.validUntil(lease.entityName), grant.expiresAt);
    await refusalOf(core.renewal.execute(core.asker(), lease.id, 60 * minuteMs), 'LEASE_NOT_RENEWABLE');
    assert.equal(await core.pass(30 * minuteMs), 1);
    assert.deepEqual(core.target.entities(), []);
  });
});

describe('renewals of one lease at once', () => {
  test('leave the target and the row at the latest end that anybody was told', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.takeRead({ ttlMs: minuteMs });
    const now = core.clock.now();
    const letGo = core.target.hold('extend');
    const ends = [10, 5, 12].map((minutes) =>
      core.renewal.execute(core.asker(), lease.id, minutes * minuteMs),
    );
    await until('the target is asked', 5_000, () => core.target.calls.extend > 0);
    letGo();
    const told = (await Promise.all(ends)).map(({ expiresAt }) => (expiresAt - now) / minuteMs);
    assert.deepEqual(told, [10, 10, 12]);
    assert.equal((await core.grantOf(lease)).lease.expiresAt, now + 12 * minuteMs);
    assert.equal(core.target.validUntil(lease.entityName), now + 12 * minuteMs);
    await refusalOf(core.renewal.execute(core.asker(), lease.id, minuteMs), 'LEASE_NOT_RENEWABLE');
  });

  test('do not share a failure: the next has its own turn at the target', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.takeRead({ ttlMs: minuteMs });
    core.target.failNext('extend', unreachable);
    const failed = refusalOf(
      core.renewal.execute(core.asker(), lease.id, 10 * minuteMs),
      'PROVIDER_UNAVAILABLE',
    );
    const { expiresAt } = await core.renewal.execute(core.asker(), lease.id, 5 * minuteMs);
    await failed;
    assert.equal(expiresAt, core.clock.now() + 5 * minuteMs);
  });

  test('by another broker on the store, for longer, are not undone', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.takeRead({ ttlMs: minuteMs });
    const letGo = core.target.hold('extend');
    const shorter = refusalOf(
      core.renewal.execute(core.asker(), lease.id, 5 * minuteMs),
      'CONCURRENT_UPDATE',
    );
    await until('the target is asked', 5_000, () => core.target.calls.extend > 0);
    const expiresAt = lease.expiresAt + 10 * minuteMs;
    await core.store.ledger.commit({
      lease: { id: lease.id, from: ['active'], set: { expiresAt, nextAttemptAt: expiresAt } },
      events: [],
    });
    letGo();
    await shorter;
    assert.equal((await core.grantOf(lease)).lease.expiresAt, expiresAt);
  });
});

describe('a renewal is refused', () => {
  test('for a time that would not move the end, or is no time', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.takeRead({ ttlMs: 5 * minuteMs });
    const renew = (ttlMs: number) => core.renewal.execute(core.asker(), lease.id, ttlMs);
    await refusalOf(renew(minuteMs), 'LEASE_NOT_RENEWABLE');
    for (const ttlMs of [0, -1, 999, Number.NaN]) await refusalOf(renew(ttlMs), 'TTL_OUT_OF_RANGE');
    assert.equal(core.target.calls.extend, 0);
  });

  test('for a token, a lease about to end, one that is ending and one that has ended', async (t) => {
    const core = await BrokerCore.start(t);
    const token = await core.askDeploy();
    await refusalOf(
      core.renewal.execute(core.asker(deployer), token.lease.id, 10 * minuteMs),
      'LEASE_NOT_RENEWABLE',
    );
    const { grant, lease } = await core.takeRead({ ttlMs: minuteMs });
    core.clock.advance(minuteMs - 1_999);
    const renew = () => core.renewal.execute(core.asker(), lease.id, minuteMs);
    await refusalOf(renew(), 'LEASE_NOT_RENEWABLE');
    core.target.failAlways('contain', unreachable);
    await core.release(grant);
    await refusalOf(renew(), 'LEASE_NOT_RENEWABLE');
    core.target.mend();
    await core.pass(300_100);
    await refusalOf(renew(), 'LEASE_NOT_RENEWABLE');
    assert.equal(core.target.calls.extend, 0);
  });

  test('of what is registered no more, and says so: asking anew would be refused as well', async (t) => {
    const bundle = testBundle();
    const resources = new Map([...bundle.registry.resources].filter(([id]) => id !== 'sales'));
    const without = { ...bundle, registry: { ...bundle.registry, resources } };
    const loads = [bundle, without];
    const core = await BrokerCore.start(t, { load: () => Promise.resolve(loads.shift() ?? without) });
    const { lease } = await core.takeRead({ ttlMs: minuteMs });
    await core.bundles.reload(core.store.ledger);
    const refusal = await refusalOf(
      core.renewal.execute(core.asker(), lease.id, minuteMs),
      'LEASE_NOT_RENEWABLE',
    );
    assert.match(refusal.message, /"read" on "sales" is not registered any more/);
  });

  test('to anybody but the holder, as if the lease were not there', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.takeRead();
    const missing = newId('lease', core.clock.now());
    const foreign = await refusalOf(
      core.renewal.execute(core.asker(deployer), lease.id, 600_000),
      'LEASE_NOT_FOUND',
    );
    const absent = await refusalOf(core.renewal.execute(core.asker(), missing, 600_000), 'LEASE_NOT_FOUND');
    assert.equal(foreign.message.replace(lease.id, ''), absent.message.replace(missing, ''));
  });

  test('while the audit backlog is full', async (t) => {
    const core = await BrokerCore.start(t, { limits: { eventsMax: 3 } });
    const { lease } = await core.takeRead();
    await refusalOf(core.renewal.execute(core.asker(), lease.id, 600_000), 'AUDIT_UNAVAILABLE');
    assert.equal(core.target.calls.extend, 0);
  });
});

describe('a renewal that fails at the target', () => {
  for (const fault of [unreachable, lostReply]) {
    test(`(${fault.code}) leaves the end where it was, on the row and in deed`, async (t) => {
      const core = await BrokerCore.start(t);
      const { lease } = await core.takeRead({ ttlMs: minuteMs });
      core.target.failNext('extend', fault);
      const refusal = await refusalOf(
        core.renewal.execute(core.asker(), lease.id, 10 * minuteMs),
        'PROVIDER_UNAVAILABLE',
      );
      assert.equal(refusal.metadata['code'], fault.code);
      assert.equal((await core.grantOf(lease)).lease.expiresAt, lease.expiresAt);
      assert.equal(await core.pass(minuteMs), 1);
      assert.deepEqual(core.target.entities(), []);
    });
  }

  test('or meets the end of the lease there gives nothing back', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead();
    const letGo = core.target.hold('extend');
    const renewing = refusalOf(
      core.renewal.execute(core.asker(), lease.id, 10 * minuteMs),
      'PROVIDER_UNAVAILABLE',
    );
    await until('the target is asked', 5_000, () => core.target.calls.extend > 0);
    await core.release(grant);
    letGo();
    await renewing;
    assert.deepEqual(core.target.entities(), []);
    assert.equal((await core.grantOf(lease)).grant.state, 'completed');
  });

  test('or began to end while the target extended it is told, and ends', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead();
    const letGo = core.target.hold('extend');
    const renewing = refusalOf(
      core.renewal.execute(core.asker(), lease.id, 10 * minuteMs),
      'CONCURRENT_UPDATE',
    );
    await until('the target is asked', 5_000, () => core.target.calls.extend > 0);
    core.target.failAlways('contain', unreachable);
    await core.release(grant);
    letGo();
    await renewing;
    core.target.mend();
    await core.pass(300_100);
    assert.deepEqual(core.target.entities(), []);
  });
});

describe('a renewal between the claim of its lease and its turn', () => {
  async function assertLivesToItsEnd(core: BrokerCore, { grant, lease }: AccessAnswer): Promise<void> {
    const now = (await core.grantOf(lease)).lease;
    assert.equal(now.state, 'active');
    assert.equal(now.nextAttemptAt, now.expiresAt);
    assert.equal(await core.pass(now.expiresAt - core.clock.now() - 1), 0);
    assert.equal((await core.story(grant)).at(-1), 'lease.renewed');
    assert.equal(await core.pass(1), 1);
    assert.equal((await core.grantOf(lease)).grant.state, 'expired');
  }

  test('as expired, which a slow target let commit past the old end, holds', async (t) => {
    const core = await BrokerCore.start(t);
    const answer = await core.takeRead({ ttlMs: minuteMs });
    const letGo = core.target.hold('extend');
    const renewing = core.renewal.execute(core.asker(), answer.lease.id, 10 * minuteMs);
    await until('the target is asked', 5_000, () => core.target.calls.extend > 0);
    afterClaim(core, async () => {
      letGo();
      await renewing;
    });
    assert.equal(await core.pass(minuteMs), 1);
    await assertLivesToItsEnd(core, answer);
  });

  test('as undelivered holds', async (t) => {
    const core = await BrokerCore.start(t);
    const answer = await core.askRead({ ttlMs: minuteMs });
    afterClaim(core, async () => {
      await core.renewal.execute(core.asker(), answer.lease.id, 10 * minuteMs);
    });
    assert.equal(await core.pass(deliveryMs), 1);
    await assertLivesToItsEnd(core, answer);
  });

  test('that is over too when the turn comes is ended then, not after another claim', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead({ ttlMs: minuteMs });
    afterClaim(core, async () => {
      await core.renewal.execute(core.asker(), lease.id, 2 * minuteMs);
      core.clock.advance(2 * minuteMs);
    });
    assert.equal(await core.pass(deliveryMs), 1);
    assert.equal((await core.grantOf(lease)).grant.state, 'expired');
    assert.deepEqual(core.target.entities(), []);
  });

  test('holds no revocation back', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant, lease } = await core.takeRead({ ttlMs: minuteMs });
    const find = core.store.grants.findGrant.bind(core.store.grants);
    core.store.grants.findGrant = async (id) => {
      core.store.grants.findGrant = find;
      const found = await find(id);
      await core.renewal.execute(core.asker(), lease.id, 10 * minuteMs);
      return found;
    };
    await core.release(grant);
    assert.equal((await core.grantOf(lease)).grant.state, 'completed');
    assert.ok((await core.story(grant)).includes('lease.renewed'));
  });
});

describe('an acknowledgement', () => {
  test('between the claim of its lease and its turn is heard: the lease is not undelivered any more', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead({ ttlMs: minuteMs });
    afterClaim(core, () => core.delivery.execute(core.asker().spiffeId, lease.id));
    assert.equal(await core.pass(deliveryMs), 1);
    const now = (await core.grantOf(lease)).lease;
    assert.deepEqual([now.state, now.nextAttemptAt], ['active', lease.expiresAt]);
  });

  test('that races with a renewal does not bring the old end back', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead({ ttlMs: minuteMs });
    const find = core.store.grants.findLease.bind(core.store.grants);
    core.store.grants.findLease = async (id) => {
      const found = await find(id);
      core.store.grants.findLease = find;
      await core.renewal.execute(core.asker(), lease.id, 10 * minuteMs);
      return found;
    };
    await core.delivery.execute(core.asker().spiffeId, lease.id);
    await core.pass(minuteMs);
    const now = await core.grantOf(lease);
    assert.equal(now.lease.state, 'active');
    assert.equal(await core.pass(9 * minuteMs), 1);
    assert.equal((await core.grantOf(lease)).grant.state, 'expired');
  });

  test('is not needed for what was renewed: its holder has it', async (t) => {
    const core = await BrokerCore.start(t);
    const { lease } = await core.askRead({ ttlMs: minuteMs });
    await core.renewal.execute(core.asker(), lease.id, 10 * minuteMs);
    await core.pass(minuteMs);
    assert.equal((await core.grantOf(lease)).lease.state, 'active');
  });
});

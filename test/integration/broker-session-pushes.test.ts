import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '@stint/common/time.ts';
import { endedEarly, endedLeasesMax } from '../../services/broker/app/ending/ended-early.ts';
import { slowFramesMax } from '../../services/broker/rpc/session.ts';
import { deployer } from '../harness/broker-core.ts';
import { grantAndLease } from '../harness/ledger-entries.ts';
import { alive, SessionClient, served } from '../harness/served-sessions.ts';
import { until } from '../harness/until.ts';

describe('what is pushed', () => {
  test('does not pile up for a peer that does not read: its session ends, and others hear on', async (t) => {
    const { core, channel, open } = await served(t);
    const reading = await open();
    await reading.pushes(1);
    const { lease } = grantAndLease(core.clock.now());
    const { id, grantId, expiresAt } = lease;
    const ended = { id, grantId, expiresAt, reason: 'x'.repeat(2_000) };
    const deaf = new SessionClient(await channel(deployer), { isReading: false });
    await until('both listen', 5_000, () => core.feed.size === 2);
    let told = 0;
    while (core.feed.size === 2 && told < 3 * slowFramesMax) {
      core.feed.publish([ended]);
      told++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(core.feed.size, 1, `after ${told} frames`);
    core.feed.publish([ended]);
    assert.ok((await reading.pushes(told + 2)).length > told);
    deaf.hangUp();
  });

  test('first of all is what to trust; a change of it comes with a higher sequence, and what is no change does not', async (t) => {
    const { core, trust, trusted, open } = await served(t);
    const client = await open();
    const [first] = await client.pushes(1);
    assert.equal(client.frames[0]?.[0]?.id, 0);
    assert.deepEqual(first?.trustBundle?.x509Authorities, trusted.x509Authorities);
    trust.refresh();
    trusted.jwks = '{"keys":[1]}';
    core.clock.advance(-60_000);
    trust.refresh();
    const [, second, ...more] = await client.pushes(2);
    assert.deepEqual(more, []);
    assert.equal(second?.trustBundle?.jwks, trusted.jwks);
    assert.ok(Number(second?.trustBundle?.sequence) > Number(first?.trustBundle?.sequence));
  });

  test('is each lease that ends before its time, to every session', async (t) => {
    const { core, open } = await served(t);
    const clients = [await open(), await open(deployer)];
    for (const client of clients) await client.pushes(1);
    const { grant, lease } = await core.askDeploy();
    await core.release(grant, { spiffeId: deployer });
    for (const client of clients) {
      const [, pushed] = await client.pushes(2);
      const [ended] = pushed?.leasesEnded?.leases ?? [];
      assert.equal(ended?.leaseId, lease.id);
      assert.equal(ended?.grantId, grant.id);
      assert.equal(ended?.reason, 'completed');
      assert.equal(ended?.expiresAt?.seconds, Math.floor(lease.expiresAt / 1_000));
    }
  });

  test('to a new session are the leases that ended early while it was away, and none that is over anyhow', async (t) => {
    const { core, open } = await served(t);
    const user = await core.takeRead();
    const short = await core.askDeploy({ ttlMs: 5_000 });
    const long = await core.askDeploy();
    await core.askDeploy();
    for (const { grant } of [short, long]) await core.release(grant, { spiffeId: deployer });
    await core.release(user.grant);
    await core.takeRead();
    await core.pass(5_000);
    const client = await open();
    const [, pushed] = await client.pushes(2);
    assert.deepEqual(
      pushed?.leasesEnded?.leases.map(({ leaseId }) => leaseId).toSorted(),
      [user.lease.id, long.lease.id].map(String).toSorted(),
    );
  });

  test('to a new session fits into frames that it takes, however many leases ended', async (t) => {
    const { lease } = grantAndLease(systemClock.now(), {
      lease: { state: 'revoked', endReason: 'completed' },
    });
    const page = Array.from({ length: endedLeasesMax }, () => lease);
    let pages = 0;
    const store = { listEndedEarly: () => Promise.resolve(++pages <= 400 ? page : []) };
    const { open } = await served(t, (core) => ({ endedEarly: () => endedEarly({ ...core, store }) }));
    const client = await open();
    assert.ok((await client.ask(alive)).alive);
    const told = client.messages.reduce((sum, { leasesEnded }) => sum + (leasesEnded?.leases.length ?? 0), 0);
    assert.equal(told, 400 * endedLeasesMax);
  });
});

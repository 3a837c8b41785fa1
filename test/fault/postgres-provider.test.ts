import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { ProviderFailure } from '../../services/broker/app/ports/provider.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import { createWindowMs } from '../../services/broker/providers/postgres/provider.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import {
  demoResource,
  loginWith,
  newIntent,
  type PostgresTarget,
  postgresTarget,
  readProfile,
} from '../harness/postgres-target.ts';
import { skipWithoutPostgres } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { until } from '../harness/until.ts';

const place = { resource: demoResource, profile: readProfile };
const { signal } = new AbortController();

/** A clock that a test holds ahead of or behind the machine's. */
function shiftedClock() {
  const clock = { shiftMs: 0, now: () => Date.now() + clock.shiftMs };
  return clock;
}

describe('postgres provider on a faulty network', { skip: skipWithoutPostgres }, () => {
  const scope = suiteScope();
  let postgres: PostgresTarget;
  before(async () => {
    postgres = await postgresTarget(scope);
  });

  const roleCount = async (lease: Lease) =>
    (await postgres.admin(`SELECT FROM pg_roles WHERE rolname = '${lease.entityName}'`)).length;

  const secondsLeft = async (lease: Lease) => {
    const left = 'extract(epoch FROM rolvaliduntil - clock_timestamp())::float8';
    const rows = await postgres.admin(
      `SELECT ${left} AS left FROM pg_roles WHERE rolname = '${lease.entityName}'`,
    );
    return Number(rows[0]?.['left']);
  };

  test('a reply lost after the role was made is ambiguous, and ending by name leaves nothing', async (t) => {
    const proxy = await faultProxy(t, postgres.server.current());
    const provider = postgres.provider({ place: proxy });
    const { lease } = newIntent(provider, { now: Date.now() });
    const fault = proxy.onRequest('CREATE ROLE', { direction: 'reply', fault: 'cut' });
    await assert.rejects(provider.create(lease, place, signal), isFailure('ambiguous'));
    await fault;
    proxy.set('reply', 'pass');
    assert.equal(await roleCount(lease), 1);
    await provider.contain(lease, signal);
    await provider.remove(lease, signal);
    assert.equal(await roleCount(lease), 0);
  });

  test('a session that the server has ended is not handed to who waits for it', async (t) => {
    const provider = postgres.provider({ settings: { connections: '1' } });
    t.after(() => provider.close());
    const { lease } = newIntent(provider, { now: Date.now() });
    const lock = await holdCreations(postgres);
    const creation = assert.rejects(provider.create(lease, place, signal), isFailure('ambiguous', '57P01'));
    await lock.isWaitedFor();
    const listing = provider.listEntities(signal);
    await postgres.admin(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stint_broker' AND query LIKE 'CREATE ROLE%'",
    );
    await creation;
    await listing;
    await lock.release();
  });

  test('a reply that never comes is ambiguous once the caller gives up', async (t) => {
    const proxy = await faultProxy(t, postgres.server.current());
    const provider = postgres.provider({ place: proxy });
    const { lease } = newIntent(provider, { now: Date.now() });
    const giveUp = new AbortController();
    const fault = proxy.onRequest('CREATE ROLE', { direction: 'reply', fault: 'blackhole' });
    const creation = provider.create(lease, place, giveUp.signal);
    const outcome = assert.rejects(creation, isFailure('ambiguous', 'DEADLINE'));
    await fault;
    await until('the role is made', 10_000, async () => (await roleCount(lease)) === 1);
    giveUp.abort();
    await outcome;
    proxy.set('reply', 'pass');
    await provider.remove(lease, signal);
    assert.equal(await roleCount(lease), 0);
  });

  test('an absent role counts as contained only when its lost creation can no longer arrive', async (t) => {
    const proxy = await faultProxy(t, postgres.server.current());
    const clock = shiftedClock();
    const provider = postgres.provider({ place: proxy, clock });
    const { lease } = newIntent(provider, { now: clock.now() });
    const fault = proxy.onRequest('CREATE ROLE', { direction: 'request', fault: 'cut' });
    await assert.rejects(provider.create(lease, place, signal), isFailure('ambiguous'));
    await fault;
    proxy.set('request', 'pass');
    await assert.rejects(provider.contain(lease, signal), isFailure('unreachable', 'CREATION_IN_FLIGHT'));
    const late = { ...lease, createdAt: lease.createdAt - createWindowMs - 1_000 };
    assert.equal((await provider.contain(late, signal))['role_absent'], true);
  });

  test('the target refuses a creation that arrives after its time', async () => {
    const clock = shiftedClock();
    const provider = postgres.provider({ clock });
    const { lease } = newIntent(provider, { now: clock.now() - createWindowMs - 1 });
    await assert.rejects(provider.create(lease, place, signal), isFailure('definite', '22012'));
    assert.equal(await roleCount(lease), 0);
  });

  test('a target that nobody answers at is unreachable, and nothing was begun', async (t) => {
    const proxy = await faultProxy(t, postgres.server.current());
    proxy.set('request', 'cut');
    const provider = postgres.provider({ place: proxy });
    const { lease } = newIntent(provider, { now: Date.now() });
    await assert.rejects(provider.create(lease, place, signal), isFailure('unreachable'));
    await assert.rejects(provider.contain(lease, signal), isFailure('unreachable'));
    assert.equal(await roleCount(lease), 0);
  });

  test('a session that died while idle costs nothing but a new connection', async (t) => {
    const proxy = await faultProxy(t, postgres.server.current());
    const clock = shiftedClock();
    const provider = postgres.provider({ place: proxy, clock });
    const first = newIntent(provider, { now: clock.now() });
    const made = await provider.create(first.lease, place, signal);
    proxy.silenceOpen();
    clock.shiftMs += 20_000;
    const accepted = proxy.accepted();
    const next = newIntent(provider, { now: clock.now() });
    const second = await provider.create(next.lease, place, signal);
    assert.equal(proxy.accepted(), accepted + 1);
    await provider.remove({ ...first.lease, handle: made.handle }, signal);
    await provider.remove({ ...next.lease, handle: second.handle }, signal);
  });

  test('a step of our clock is noticed before it can lengthen or refuse a lease', async () => {
    const clock = shiftedClock();
    const provider = postgres.provider({ clock });
    for (const stepMs of [0, 3_600_000, -7_200_000]) {
      clock.shiftMs += stepMs;
      const { lease } = newIntent(provider, { now: clock.now(), ttlMs: 60_000 });
      const { handle } = await provider.create(lease, place, signal);
      const left = await secondsLeft(lease);
      assert.ok(left > 50 && left < 60.5, `${left} seconds left after a step of ${stepMs} ms`);
      await provider.remove({ ...lease, handle }, signal);
    }
  });

  test("native expiry is written in the target's time, however wrong our clock is", async () => {
    const clock = shiftedClock();
    clock.shiftMs = -7_200_000;
    const provider = postgres.provider({ clock });
    const { lease } = newIntent(provider, { now: clock.now(), ttlMs: 60_000 });
    const { credential, handle } = await provider.create(lease, place, signal);
    const left = await secondsLeft(lease);
    assert.ok(left > 50 && left < 60.5, `${left} seconds left`);
    await (await loginWith(credential)).end();
    await provider.remove({ ...lease, handle }, signal);
  });

  test('containing does not wait behind creations that hang, even in the same group', async (t) => {
    const provider = postgres.provider();
    const { lease } = newIntent(provider, { now: Date.now() });
    const { credential, handle } = await provider.create(lease, place, signal);
    const session = await loginWith(credential);
    const lock = await holdCreations(postgres);
    t.after(() => lock.release());
    // More than there are connections.
    const stuck = Array.from({ length: 12 }, () => newIntent(provider, { now: Date.now() }));
    const creations = Promise.allSettled(stuck.map((intent) => provider.create(intent.lease, place, signal)));
    await lock.isWaitedFor();
    const proof = await provider.contain({ ...lease, handle }, signal);
    assert.equal(proof['sessions_cut'], 1);
    await assert.rejects(session.query('SELECT 1'));
    await assert.rejects(loginWith(credential));
    // Removal joins the role: not before the profile's rights are gone from it.
    await assert.rejects(provider.remove({ ...lease, handle }, signal), isFailure('unreachable', '55P03'));
    await lock.release();
    const outcomes = await creations;
    for (const [i, outcome] of outcomes.entries()) {
      const made = stuck[i];
      if (made !== undefined && outcome.status === 'fulfilled') {
        await provider.remove({ ...made.lease, handle: outcome.value.handle }, signal);
      }
    }
    await provider.remove({ ...lease, handle }, signal);
    assert.equal(await roleCount(lease), 0);
  });

  test('after a crash of the target a lease ends as if nothing had happened', async () => {
    const provider = postgres.provider();
    const { lease } = newIntent(provider, { now: Date.now() });
    const { handle } = await provider.create(lease, place, signal);
    await postgres.server.crash();
    await assert.rejects(provider.contain({ ...lease, handle }, signal), ProviderFailure);
    await postgres.server.restart();
    await provider.contain({ ...lease, handle }, signal);
    await provider.remove({ ...lease, handle }, signal);
    assert.equal(await roleCount(lease), 0);
  });
});

/** Holds every creation up while it has its group's lock, as a stuck administrator's session would, until released. */
async function holdCreations(postgres: PostgresTarget) {
  const { host, port, superuser } = postgres.server.current();
  const place = {
    kind: 'database',
    engine: 'postgresql',
    host,
    port,
    database: 'postgres',
    sslmode: 'disable',
  } as const;
  const client = await loginWith({ ...place, username: superuser, password: postgres.server.password });
  await client.query(`BEGIN; CREATE ROLE somebody; GRANT ${readProfile.settings['groupRole']} TO somebody`);
  return {
    isWaitedFor: async () => {
      const waiting = 'SELECT FROM pg_locks WHERE NOT granted';
      await until('a creation waits', 10_000, async () => (await client.query(waiting)).rowCount !== 0);
    },
    release: () => client.end(),
  };
}

function isFailure(kind: ProviderFailure['kind'], code?: string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof ProviderFailure, String(thrown));
    assert.equal(thrown.kind, kind, `${thrown.kind} (${thrown.code})`);
    if (code !== undefined) assert.equal(thrown.code, code);
    return true;
  };
}

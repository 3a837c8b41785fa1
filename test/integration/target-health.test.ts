import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { systemClock } from '@stint/common/time.ts';
import { SweepOrphans } from '../../services/broker/app/ending/sweep-orphans.ts';
import { ProviderFailure } from '../../services/broker/app/ports/provider.ts';
import { TargetHealth } from '../../services/broker/app/target-health.ts';
import { BrokerCore } from '../harness/broker-core.ts';
import { demoResource, newIntent, postgresTarget, readProfile } from '../harness/postgres-target.ts';
import { skipWithoutPostgres } from '../harness/scratch-servers.ts';

describe('the health of a real PostgreSQL', { skip: skipWithoutPostgres }, () => {
  test('follows the server down and up again, by the orphan sweep alone', async (t) => {
    const core = await BrokerCore.start(t);
    const target = await postgresTarget(t);
    const health = new TargetHealth(core.clock);
    const providers = health.watch(new Map([['demo-postgres', target.provider({ clock: core.clock })]]));
    const { grants: store, ledger } = core.store;
    const sweeper = new SweepOrphans({ providers, store, ledger, clock: core.clock, log: core.log });
    const [startedAt, reportOf] = [core.clock.now(), () => health.reports()[0]];
    assert.equal(reportOf()?.state, 'unasked');
    await sweeper.sweep();
    assert.partialDeepStrictEqual(reportOf(), { state: 'answers', since: startedAt });

    await target.server.crash();
    core.clock.advance(60_000);
    await sweeper.sweep();
    const { state, since, lastAskedAt, lastFailure } = reportOf() ?? {};
    assert.deepEqual([state, since, lastAskedAt], ['away', startedAt + 60_000, startedAt + 60_000]);
    assert.equal(lastFailure?.reason, 'it cannot be reached (ECONNREFUSED)');

    await target.server.restart();
    core.clock.advance(60_000);
    await sweeper.sweep();
    assert.partialDeepStrictEqual(reportOf(), { state: 'answers', since: startedAt + 120_000, lastFailure });
  });

  test('tells a server that hangs, or does not let the broker in, from one that refuses a single call', async (t) => {
    const target = await postgresTarget(t);
    const health = new TargetHealth(systemClock);
    const provider = health.watch(new Map([['db', target.provider()]])).get('db');
    assert.ok(provider?.mode === 'creates');
    const place = { resource: demoResource, profile: readProfile };
    const { lease } = newIntent(provider, { now: Date.now() });
    const create = (ms = 10_000) => provider.create(lease, place, AbortSignal.timeout(ms));
    const stateAfter = async (call: Promise<unknown>) => {
      await assert.rejects(call, ProviderFailure);
      return [health.reports()[0]?.state, health.reports()[0]?.lastFailure?.reason];
    };
    await create();
    assert.deepEqual(await stateAfter(create()), ['answers', undefined], 'the role is there already');
    const foreign = { ...lease, entityName: 'somebody' };
    assert.deepEqual(await stateAfter(provider.contain(foreign, AbortSignal.timeout(10_000))), [
      'answers',
      undefined,
    ]);

    await target.admin('CREATE DATABASE closed');
    await target.admin(
      `CREATE TABLE left_behind (); ALTER TABLE left_behind OWNER TO ${lease.entityName}; REVOKE CONNECT ON DATABASE closed FROM PUBLIC`,
      'closed',
    );
    const removal = provider.remove(lease, AbortSignal.timeout(10_000));
    assert.deepEqual(await stateAfter(removal), ['answers', undefined], 'one database is closed');

    const wake = stopProcesses(target.server.current().pid);
    try {
      const [state, reason] = await stateAfter(create(300));
      assert.equal(state, 'away');
      assert.match(reason ?? '', /\(DEADLINE\)$/);
    } finally {
      wake();
    }
    await provider.listEntities(AbortSignal.timeout(10_000));
    assert.equal(health.reports()[0]?.state, 'answers');

    await target.admin("ALTER ROLE stint_broker PASSWORD 'another'");
    await target.admin(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'stint_broker'",
    );
    await assert.rejects(provider.listEntities(AbortSignal.timeout(10_000)), ProviderFailure);
    assert.match(
      health.reports()[0]?.lastFailure?.reason ?? '',
      /^it does not let the broker in \(28P01\): wrong password, .*"passwordFile"/,
    );
  });
});

/** Makes a server hang: stops its first process and then those it has started. Returns the way to wake them. */
function stopProcesses(first: number): () => void {
  process.kill(first, 'SIGSTOP');
  const children = readFileSync(`/proc/${first}/task/${first}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  for (const pid of children) process.kill(pid, 'SIGSTOP');
  return () => {
    for (const pid of [...children, first]) process.kill(pid, 'SIGCONT');
  };
}

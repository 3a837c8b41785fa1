import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { RequestAccessResponse__Output } from '@stint/common/gen/stint/broker/v1/RequestAccessResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { fromTimestamp, toDuration } from '@stint/common/proto-time.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import pg from 'pg';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { requireSound, requireVerified } from '../harness/mesh-soundness.ts';
import {
  type DatabaseCredential,
  MeshUnderTest,
  readDemo,
  readOrders,
  skipWithoutMesh,
} from '../harness/mesh-under-test.ts';
import { postgresStore } from '../harness/postgres-store.ts';
import { SecondBroker } from '../harness/second-broker.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { type Scope, tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

/** The name of the second; the first has the mesh's. */
const secondName = 'b2';

/** Live grants that the demo's workload may have of `read`, at both brokers together. */
const quota = 8;

/** How long after its end a lease may stand when the broker that made it is gone, in milliseconds: one look, on a busy machine. */
const dueMsMax = 3_000;

/** How long what a dead broker was in the middle of may stand, in milliseconds: an intent's 30 s or a claim's 45 s, and a look. */
const interruptedMsMax = 48_000;

/** How long until the sidecars of one have heard what was ended through the other, in milliseconds: by way of the log. */
const toldMsMax = 5_000;

type Broker = { readonly name: string; readonly admin: GrpcChannel; readonly sidecar: GrpcChannel };

describe('two brokers on one store and one target', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let first: Broker & { readonly workload: GrpcChannel };
  let second: typeof first;
  let beside: SecondBroker;
  let lastKey = 0;

  before(async () => {
    const args = [...(await postgresStore(suite)).args, '--bundle-dir', demoBundle(suite)];
    at = await MeshUnderTest.start(suite, { args: { broker: args }, otherBrokers: [secondName] });
    beside = await SecondBroker.start(suite, at, { name: secondName, args });
    const { admin, sidecar } = at;
    // Both clients show the SVID that the first broker issued.
    const svid = await at.attest(devMesh.workload);
    first = { name: devMesh.brokerName, admin, sidecar, workload: at.unary(svid) };
    second = {
      name: secondName,
      admin: beside.admin,
      sidecar: beside.sidecar,
      workload: beside.unary(svid),
    };
  });

  const bothWays = () =>
    [
      [first, second],
      [second, first],
    ] as const;

  const ask = (broker: { workload: GrpcChannel }, request: { ttlMs?: number; key?: string } = {}) => {
    lastKey += 1;
    const { ttlMs = 60_000, key = `two-brokers-${lastKey}` } = request;
    return broker.workload.call(services.access.RequestAccess, {
      ...readDemo,
      idempotencyKey: key,
      ttl: toDuration(ttlMs),
    });
  };
  const grantAt = (broker: Broker, grantId: string) =>
    broker.admin.call(services.admin.GetGrant, { grantId });
  const roleNames = async () => (await at.roles()).map(({ name }) => name);
  const giveBack = (broker: { workload: GrpcChannel }, grantId: string) =>
    broker.workload.call(services.access.CompleteGrant, { grantId, waitContained: true });

  /** Asks each broker so often, all at once; what was given. Anything else is refused for the quota alone. */
  const askBoth = async (each: number) => {
    const asking = [first, second].flatMap((broker) => Array.from({ length: each }, () => ask(broker)));
    const settled = await Promise.allSettled(asking);
    for (const told of settled)
      if (told.status === 'rejected')
        assert.ok(isServiceError(told.reason, 'QUOTA_EXCEEDED'), String(told.reason));
    return settled.flatMap((told) => (told.status === 'fulfilled' ? [told.value] : []));
  };

  test('a grant of one is seen at the other and revoked through it: its session is cut, its user gone', async () => {
    for (const [maker, ender] of bothWays()) {
      const { grant, lease, credential } = await maker.sidecar.call(services.sidecar.Acquire, {
        ...readDemo,
        fresh: true,
      });
      assert.ok(grant && lease && credential?.database);
      assert.ok(lease.entityName.startsWith(`stint_${maker.name}_`), lease.entityName);
      const session = await openSession(credential.database);
      const seen = await grantAt(ender, grant.id);
      assert.deepEqual([seen.grant?.state, seen.leases[0]?.state], ['active', 'active']);
      const revocation = { grantId: grant.id, reason: 'a drill', waitContained: true };
      const ended = await ender.admin.call(services.admin.RevokeGrant, revocation);
      assert.deepEqual([ended.grant?.state, ended.leases[0]?.state], ['revoked', 'revoked']);
      assert.equal(await session.cut, '57P01');
      assert.ok(!(await roleNames()).includes(lease.entityName));
      await assert.rejects(readOrders(credential.database));
      assert.equal((await grantAt(maker, grant.id)).grant?.state, 'revoked');
    }
  });

  test('what is revoked through the other is neither served nor accepted any more by a sidecar of the first', async () => {
    const ci = await at.attest(parseSpiffeId('spiffe://stint.local/demo/ci-deploy'));
    for (const [maker, ender] of bothWays()) {
      const pipeline = maker === first ? at.unary(ci) : beside.unary(ci);
      const request = { resource: 'demo-api', action: 'read', justification: 'a smoke test' };
      const token = await pipeline.call(services.access.RequestAccess, {
        ...request,
        idempotencyKey: `verified-${maker.name}`,
      });
      const presented = { token: token.credential?.token?.token ?? '', audience: 'demo-api' };
      await maker.sidecar.call(services.sidecar.Verify, presented);
      const held = await maker.sidecar.call(services.sidecar.Acquire, readDemo);
      const again = await maker.sidecar.call(services.sidecar.Acquire, readDemo);
      assert.deepEqual([again.grant?.id, again.cached], [held.grant?.id, true]);
      for (const grantId of [idOf(token), held.grant?.id ?? ''])
        await ender.admin.call(services.admin.RevokeGrant, { grantId, reason: 'a drill' });
      await until('the token is refused', toldMsMax, () =>
        maker.sidecar.call(services.sidecar.Verify, presented).then(
          () => undefined,
          (thrown: unknown) => isServiceError(thrown, 'TOKEN_INVALID'),
        ),
      );
      await until('the dead credential is not served', toldMsMax, async () => {
        const { leases } = await maker.sidecar.call(services.sidecar.List, {});
        return leases.every(({ grant }) => grant?.id !== held.grant?.id);
      });
    }
  });

  test('the same key at the other is the same grant, and its holder ends it at either', async () => {
    for (const [maker, ender] of bothWays()) {
      const key = `same-key-${maker.name}`;
      const made = await ask(maker, { key });
      const again = await ask(ender, { key });
      assert.equal(again.replayed, true);
      assert.equal(again.grant?.id, made.grant?.id);
      assert.equal(again.lease?.entityName, made.lease?.entityName);
      assert.equal(await readOrders(databaseOf(again)), 5);
      const ended = await giveBack(ender, idOf(made));
      assert.equal(ended.grant?.state, 'completed');
      await assert.rejects(readOrders(databaseOf(again)));
      await assert.rejects(ask(maker, { key }), { reason: 'GRANT_ENDED' });
    }
    assert.deepEqual(await roleNames(), []);
  });

  test('the quota of an identity holds across both while both are asked at once, and what ends at one makes room at the other', async () => {
    const given = await askBoth(3 * quota);
    assert.equal(given.length, quota);
    assert.equal((await roleNames()).length, quota);
    for (const broker of [first, second])
      await assert.rejects(ask(broker), { reason: 'QUOTA_EXCEEDED' }, broker.name);
    const others = given
      .splice(0, 3)
      .map((access) => ({ access, ender: isOf(first, access) ? second : first }));
    await Promise.all(others.map(({ access, ender }) => giveBack(ender, idOf(access))));
    const more = await askBoth(quota);
    assert.equal(more.length, others.length);
    await Promise.all(
      [...given, ...more].map((access, i) => giveBack(i % 2 === 0 ? first : second, idOf(access))),
    );
    assert.deepEqual(await roleNames(), []);
  });

  test('one that is killed while its leases live leaves them to the other, which ends them when they are due', async () => {
    // The sidecar's comes first: that it arrived is on record by the time that the others are made.
    const bySidecar = await first.sidecar.call(services.sidecar.Acquire, {
      ...readDemo,
      fresh: true,
      ttl: toDuration(6_000),
    });
    const held = [await ask(first, { ttlMs: 5_000 }), await ask(first, { ttlMs: 8_000 })];
    const sessions = await Promise.all(held.map((access) => openSession(databaseOf(access))));
    await at.mesh.service('broker').crash();
    const grants = [...held.map(idOf), bySidecar.grant?.id ?? ''];
    for (const grantId of grants) assert.equal((await grantAt(second, grantId)).grant?.state, 'active');
    assert.equal(await readOrders(databaseOf(held[1] ?? assert.fail())), 5, 'it lives to its end');

    for (const grantId of grants) {
      const { grant, leases } = await until(`${grantId} is over`, 20_000, async () => {
        const found = await grantAt(second, grantId);
        return found.grant?.state === 'expired' ? found : undefined;
      });
      const [lease] = leases;
      assert.equal(grant?.endReason, 'expired');
      const lateMs =
        (fromTimestamp(lease?.containedAt) ?? Number.NaN) - (fromTimestamp(lease?.expiresAt) ?? Number.NaN);
      assert.ok(lateMs >= 0 && lateMs <= dueMsMax, `contained ${lateMs} ms after its end`);
    }
    assert.deepEqual(await Promise.all(sessions.map(({ cut }) => cut)), ['57P01', '57P01']);
    assert.deepEqual(await roleNames(), []);

    await at.mesh.startService('broker');
    await giveBack(first, idOf(await ask(first)));
  });

  test('one that is killed in the middle of making and ending leaves nothing behind that the other does not end', async (t) => {
    const shortly = { ttlMs: 5_000 };
    const ending = [await ask(first, shortly), await ask(first, shortly)];
    const asking = Array.from({ length: quota - ending.length }, () => ask(first, shortly));
    const told = Promise.allSettled([...ending.map((access) => giveBack(first, idOf(access))), ...asking]);
    await until('one of them is made, or ends', 10_000, async () =>
      (await roleNames()).length === ending.length ? undefined : true,
    );
    await at.mesh.service('broker').crash();
    const { leases } = await second.admin.call(services.admin.GetStatus, {});
    t.diagnostic(`leases as it died: ${JSON.stringify(leases)}`);
    await told;
    // The first stays away: what it was in the middle of falls to the second.
    await until('every lease has ended', interruptedMsMax, async () => {
      const { intent, active, unknown, revoking, contained, stuck } = (
        await second.admin.call(services.admin.GetStatus, {})
      ).leases;
      return [intent, active, unknown, revoking, contained, stuck].every((n) => !n);
    });
    assert.deepEqual(await roleNames(), []);
    // What the first had no time to send is still in the store: the log is sound without it.
    await requireVerified(at);
    await at.mesh.startService('broker');
  });

  test('in the end the quota is whole, no lease is left, none has a user, and the events of both are in one log, each once, which verifies', async () => {
    const { grants } = await second.admin.call(services.admin.ListGrants, { liveOnly: true });
    for (const { id } of grants) await giveBack(second, id);
    // What others ended after a crash has left the count of what lives as well.
    const given = await askBoth(quota);
    assert.equal(given.length, quota);
    await Promise.all(given.map((access) => giveBack(first, idOf(access))));
    const events = await requireSound(at, [], [first.admin, second.admin]);
    // What one began the other ended, on record: each event by the broker that did it.
    const brokersOf = new Map<string, Set<string>>();
    for (const { grant_id, source } of events) {
      if (grant_id === undefined) continue;
      brokersOf.set(grant_id, (brokersOf.get(grant_id) ?? new Set()).add(source.broker));
    }
    assert.ok([...brokersOf.values()].some(({ size }) => size === 2));
  });
});

/** The demo's bundle, with a quota on what its workload reads. */
function demoBundle(scope: Scope): string {
  const directory = tempDir(scope);
  cpSync(path.join(repositoryRoot, 'deploy/demo/policies'), path.join(directory, 'policies'), {
    recursive: true,
  });
  const registry = readFileSync(path.join(repositoryRoot, 'deploy/demo/registry.yaml'), 'utf8');
  const limited = registry.replace('ttlMax: 15m\n', `ttlMax: 15m\n        maxLivePerIdentity: ${quota}\n`);
  assert.notEqual(limited, registry);
  writeFileSync(path.join(directory, 'registry.yaml'), limited);
  return directory;
}

/** Opens a session as the user; `cut` is the code with which it is, whenever that comes. */
async function openSession(credential: DatabaseCredential) {
  const { host, port, database, username: user, password } = credential;
  const client = new pg.Client({ host, port, database, user, password });
  // A server that cuts a session says so, then closes the connection: two faults to the client.
  const cut = new Promise<string | undefined>((resolve) => {
    client.on('error', (fault: Error & { code?: string }) => resolve(fault.code));
  });
  await client.connect();
  return { cut };
}

function idOf({ grant }: RequestAccessResponse__Output): string {
  assert.ok(grant);
  return grant.id;
}

function databaseOf({ credential }: RequestAccessResponse__Output): DatabaseCredential {
  assert.ok(credential?.database);
  return credential.database;
}

function isOf(broker: Broker, { lease }: RequestAccessResponse__Output): boolean {
  return lease?.entityName.startsWith(`stint_${broker.name}_`) === true;
}

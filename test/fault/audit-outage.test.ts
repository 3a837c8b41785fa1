import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { requireSound } from '../harness/mesh-soundness.ts';
import { MeshUnderTest, readDemo, readOrders, skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { until } from '../harness/until.ts';

/** Events that may wait for the auditor: room for what a mesh's start leaves, and some grants. */
const backlogEventsMax = 40;

/** Long enough for a part to come back and catch up on a busy machine, in milliseconds. */
const deadlineMs = 30_000;

/** More grants than the backlog has room for, by far. */
const grantsMax = 10 * backlogEventsMax;

describe('while nobody records', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let workload: GrpcChannel;
  let ci: GrpcChannel;
  let lastKey = 0;

  before(async () => {
    at = await MeshUnderTest.start(suite, {
      args: { broker: ['--backlog-events-max', String(backlogEventsMax)] },
    });
    workload = at.unary(await at.attest(devMesh.workload));
    ci = at.unary(await at.attest(parseSpiffeId('spiffe://stint.local/demo/ci-deploy')));
    await caughtUp();
  });

  const status = () => at.admin.call(services.admin.GetStatus, {});
  const caughtUp = () =>
    until('the auditor has recorded everything', deadlineMs, async () => (await status()).auditBacklog === 0);

  async function takeToken(): Promise<string> {
    lastKey += 1;
    const { grant } = await ci.call(services.access.RequestAccess, {
      resource: 'demo-api',
      action: 'read',
      justification: 'a smoke test',
      idempotencyKey: `outage-${lastKey}`,
    });
    assert.ok(grant);
    return grant.id;
  }

  /** Takes tokens until one is refused; the ids of those that were given. */
  async function takeUntilRefused(): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < grantsMax) {
      try {
        taken.push(await takeToken());
      } catch (thrown) {
        assert.ok(isServiceError(thrown, 'AUDIT_UNAVAILABLE'), String(thrown));
        assert.match(thrown.message, /the limit is 40/);
        assert.ok(Number(thrown.retryAfterMs) > 0);
        return taken;
      }
    }
    return assert.fail('the backlog has no end');
  }

  const outages: Record<string, { begin: () => Promise<void>; end: () => Promise<unknown> }> = {
    'the bus is down': {
      begin: () => at.mesh.bus.server.crash(),
      end: async () => {
        await at.mesh.bus.stop();
        await at.mesh.startBus();
      },
    },
    'the auditor is down': {
      begin: () => at.mesh.service('auditor').crash(),
      end: () => at.mesh.startService('auditor'),
    },
  };

  for (const [what, { begin, end }] of Object.entries(outages)) {
    test(`because ${what}: grants go on up to the limit, ending goes on beyond it, and all of it is recorded later`, async () => {
      const { grant, credential } = await at.sidecar.call(services.sidecar.Acquire, {
        ...readDemo,
        fresh: true,
      });
      assert.ok(grant && credential?.database);
      await begin();
      const taken = await takeUntilRefused();
      assert.ok(taken.length > 0, 'work went on for a while');
      assert.match((await status()).refusing, /unreceipted/);

      // Nothing new for anybody, also not over the session; and a refusal leaves nothing behind.
      const before = (await status()).auditSequence;
      await assert.rejects(at.sidecar.call(services.sidecar.Acquire, { ...readDemo, fresh: true }), {
        reason: 'AUDIT_UNAVAILABLE',
      });
      await assert.rejects(
        workload.call(services.access.RequestAccess, {
          ...readDemo,
          resource: 'no-such-thing',
          idempotencyKey: `unknown-${lastKey}`,
        }),
        { reason: 'AUDIT_UNAVAILABLE' },
      );
      assert.equal((await status()).auditSequence, before);

      // What takes access away goes on, and is written down for later.
      await at.sidecar.call(services.sidecar.Release, { grantId: grant.id, waitContained: true });
      await assert.rejects(readOrders(credential.database));
      const [first = '', ...rest] = taken;
      await at.admin.call(services.admin.RevokeGrant, { grantId: first, reason: 'a drill' });
      for (const grantId of rest) await ci.call(services.access.CompleteGrant, { grantId });

      await end();
      await caughtUp();
      assert.equal((await status()).refusing, '');
      await ci.call(services.access.CompleteGrant, { grantId: await takeToken() });
      const events = await requireSound(at);
      const ids = new Set(
        events.filter(({ type }) => type === 'grant.ended').map(({ grant_id }) => grant_id),
      );
      for (const id of [grant.id, ...taken]) assert.ok(ids.has(id), `${id} is on record to its end`);
    });
  }

  test('a broker that starts without a bus serves, and sends what it has once there is one', async () => {
    await at.mesh.bus.server.crash();
    await at.mesh.service('broker').crash();
    await at.mesh.startService('broker');
    const grantId = await until('the broker serves', deadlineMs, takeToken);
    await ci.call(services.access.CompleteGrant, { grantId });
    assert.equal((await status()).busConnected, false);
    await at.mesh.bus.stop();
    await at.mesh.startBus();
    await caughtUp();
    await requireSound(at);
  });
});

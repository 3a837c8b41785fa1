import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { requireSound } from '../harness/mesh-soundness.ts';
import {
  type DatabaseCredential,
  MeshUnderTest,
  programPath,
  readDemo,
  readOrders,
  skipWithoutMesh,
} from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';
import { armCrash, crashSwitchVariable } from './crash-switch.ts';

/** Long enough for a part to die, come back and serve on a busy machine, in milliseconds. */
const deadlineMs = 55_000;

/** Grants of a load, and how many are asked for at once. */
const loadGrants = 24;
const loadAtOnce = 6;

type Held = { readonly grantId: string; readonly database: DatabaseCredential };

describe('a part of the mesh killed under load', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let switchFile: string;
  /** The workload without its sidecar: it says itself what it asks and gives back. */
  let workload: GrpcChannel;
  let lastKey = 0;

  before(async () => {
    switchFile = path.join(tempDir(suite), 'switch');
    at = await MeshUnderTest.start(suite, {
      environment: { [crashSwitchVariable]: switchFile },
      programs: { auditor: programPath(new URL('switched-auditor.ts', import.meta.url)) },
    });
    workload = at.unary(await at.attest(devMesh.workload));
  });

  const release = (grantId: string) =>
    workload.call(services.access.CompleteGrant, { grantId, waitContained: true }, { deadlineMs });

  /** One grant taken, used and given back. Refused because a part is away: tried again, as a workload would. */
  async function takeAndGiveBack(): Promise<void> {
    await until('a grant is served', deadlineMs, async () => {
      lastKey += 1;
      const held = await acquire(`load-${lastKey}`);
      await release(held.grantId);
      return true;
    });
  }

  async function acquire(idempotencyKey: string): Promise<Held> {
    const answer = await workload.call(services.access.RequestAccess, { ...readDemo, idempotencyKey });
    assert.ok(answer.grant && answer.credential?.database);
    return { grantId: answer.grant.id, database: answer.credential.database };
  }

  /** Serves so many grants, a few at once. `half` is called when half of them have been served. */
  async function load(half: () => Promise<void>): Promise<void> {
    let started = 0;
    let served = 0;
    let halfway: Promise<void> | undefined;
    const worker = async () => {
      while (started < loadGrants) {
        started += 1;
        await takeAndGiveBack();
        served += 1;
        if (served >= loadGrants / 2) halfway ??= half();
      }
    };
    await Promise.all(Array.from({ length: loadAtOnce }, worker));
    await halfway;
  }

  for (const step of ['before append', 'before acknowledge', 'before announce']) {
    test(`the auditor, ${step}: grants go on, and after its restart each event is recorded once`, async () => {
      await load(async () => {
        const { exited } = at.mesh.service('auditor');
        armCrash(switchFile, step);
        await takeAndGiveBack();
        assert.equal((await exited).signal, 'SIGKILL');
        await at.mesh.startService('auditor');
      });
      await requireSound(at);
    });
  }

  test('nats-server: grants go on, and after its restart each event is recorded once', async () => {
    await load(async () => {
      await at.mesh.bus.server.crash();
      await takeAndGiveBack();
      await at.mesh.bus.stop(); // its server is gone; its certificate is no longer renewed either
      await at.mesh.startBus();
    });
    await requireSound(at);
  });

  test('PostgreSQL, the target: what cannot be made is refused, and what cannot be ended is ended once it is back', async () => {
    const held = await acquire('held-over-the-crash');
    assert.equal(await readOrders(held.database), 5);
    await load(async () => {
      await at.mesh.target.server.crash();
      await assert.rejects(acquire('while-the-target-is-down'), { reason: 'PROVIDER_UNAVAILABLE' });
      // Begun and recorded at once; carried through as soon as there is somebody to ask.
      const begun = await workload.call(services.access.CompleteGrant, { grantId: held.grantId });
      assert.deepEqual(
        begun.leases.map(({ state }) => state),
        ['revoking'],
      );
      await at.mesh.startTarget();
    });
    const { leases } = await until('the lease has ended', deadlineMs, async () => {
      const found = await at.admin.call(services.admin.GetGrant, { grantId: held.grantId });
      return found.grant?.state === 'completed' ? found : undefined;
    });
    assert.equal(leases[0]?.state, 'revoked');
    await assert.rejects(readOrders(held.database));
    await requireSound(at);
  });

  test('the sidecar, while it acquires: what was on its way is taken back, no lease outlives its end, and it serves again', async () => {
    const ask = { ...readDemo, fresh: true, ttl: toDuration(10_000) };
    const asking = Array.from({ length: 8 }, (_, i) =>
      at.sidecar
        .call(services.sidecar.Acquire, { ...ask, idempotencyKey: `doomed-${i}` })
        .catch((thrown: unknown) => assert.ok(isServiceError(thrown, 'BROKER_UNAVAILABLE'), String(thrown))),
    );
    await until('one of them is a lease', deadlineMs, async () => {
      return (await at.roles()).length > 0;
    });
    await at.mesh.service('sidecar').crash();
    await Promise.all(asking);
    await at.mesh.startService('sidecar');
    const { grant, credential } = await until('the sidecar serves again', deadlineMs, () =>
      at.sidecar.call(services.sidecar.Acquire, { ...readDemo, fresh: true }),
    );
    assert.ok(grant && credential?.database);
    assert.equal(await readOrders(credential.database), 5);
    await at.sidecar.call(services.sidecar.Release, { grantId: grant.id, waitContained: true });
    // What was on its way is taken back as undelivered; what had arrived ends at its end, for nobody is left to renew it.
    await requireSound(at);
  });
});

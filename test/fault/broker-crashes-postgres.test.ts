import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { services } from '@stint/common/proto.ts';
import type { Step } from '../../services/broker/app/ending/steps.ts';
import { isAlive, readDemo, readOrders } from '../harness/mesh-under-test.ts';
import { postgresStore } from '../harness/postgres-store.ts';
import { until } from '../harness/until.ts';
import { type CrashWorld, describeBrokerCrashes } from './broker-crash-suite.ts';
import { armCrash, isArmed } from './crash-switch.ts';

/** Long enough for a store to die, come back and be used again on a busy machine, in milliseconds. */
const deadlineMs = 30_000;

/** Before the commit that follows these the store is killed: a grant's, an activation's, an end's. */
const killedAt = ['signed', 'created', 'removed'] as const satisfies readonly Step[];

describeBrokerCrashes('PostgreSQL', postgresStore, (world) => {
  for (const step of killedAt) {
    test(`${step}: the store itself killed and started again: the broker serves on, and what was begun is carried through`, async () => {
      const it = world();
      if (step === 'signed') await killedWhileSigning(it);
      else if (step === 'created') await killedWhileCreating(it);
      else await killedWhileEnding(it);
    });
  }
});

/** Does what comes to the step, at which the broker kills its store's server; starts it again. */
async function killStoreAt({ store, switchFile }: CrashWorld, step: Step, act: () => Promise<unknown>) {
  const server = store.server ?? assert.fail();
  const { pid } = server.current();
  armCrash(switchFile, step, pid);
  const acting = Promise.allSettled([act()]);
  await until(`the broker comes to "${step}"`, deadlineMs, () => !isArmed(switchFile));
  await until('the store is dead', deadlineMs, () => !isAlive(pid));
  await server.crash(); // the sessions that are left of it
  await server.restart();
  const [told] = await acting;
  return told ?? assert.fail();
}

async function killedWhileSigning(it: CrashWorld): Promise<void> {
  const request = { resource: 'demo-api', action: 'read', justification: 'a smoke test' };
  const ask = () => it.ci.call(services.access.RequestAccess, { ...request, idempotencyKey: 'store-signed' });
  const told = await killStoreAt(it, 'signed', ask);
  // Not told that it was granted when it was not; with the same key it is granted once, whichever it was.
  if (told.status === 'rejected')
    assert.ok(isServiceError(told.reason, 'STORE_UNAVAILABLE'), String(told.reason));
  const { grant, credential } = await until('the key is answered', deadlineMs, ask);
  assert.ok(credential?.token);
  await it.ci.call(services.access.CompleteGrant, { grantId: grant?.id ?? '' });
}

async function killedWhileCreating(it: CrashWorld): Promise<void> {
  const key = 'store-created';
  const ask = () => it.workload.call(services.access.RequestAccess, { ...readDemo, idempotencyKey: key });
  const told = await killStoreAt(it, 'created', ask);
  // A session of the store may live a moment longer than its server, so that the commit went through or did not.
  const answer = await until('the key is answered', deadlineMs, () =>
    ask().catch((thrown: unknown) => {
      if (isServiceError(thrown, 'GRANT_ENDED')) return 'over' as const;
      throw thrown;
    }),
  );
  if (answer === 'over') {
    assert.equal(told.status, 'rejected', 'without a commit no credential');
    it.interrupted.push({ key, told: Promise.resolve(told) });
    return;
  }
  assert.ok(answer.credential?.database);
  assert.equal(await readOrders(answer.credential.database), 5);
  const release = { grantId: answer.grant?.id ?? '', waitContained: true };
  await it.workload.call(services.access.CompleteGrant, release);
}

async function killedWhileEnding(it: CrashWorld): Promise<void> {
  const request = { ...readDemo, idempotencyKey: 'store-removed' };
  // The first commit after its server came back finds the store's session gone.
  const { grant, credential } = await until('a grant is served', deadlineMs, () =>
    it.workload.call(services.access.RequestAccess, request),
  );
  assert.ok(grant && credential?.database);
  const release = { grantId: grant.id, waitContained: true };
  await killStoreAt(it, 'removed', () => it.workload.call(services.access.CompleteGrant, release));
  await until('the lease has ended', deadlineMs, async () => {
    const found = await it.at.admin.call(services.admin.GetGrant, { grantId: grant.id });
    return found.grant?.state === 'completed';
  });
  await assert.rejects(readOrders(credential.database));
}

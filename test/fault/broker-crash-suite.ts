import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { AcquireResponse__Output } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import pg from 'pg';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { type Step, steps } from '../../services/broker/app/ending/steps.ts';
import { requireSound } from '../harness/mesh-soundness.ts';
import {
  MeshUnderTest,
  programPath,
  readDemo,
  readOrders,
  skipWithoutMesh,
} from '../harness/mesh-under-test.ts';
import type { ScratchPostgres } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { type Scope, tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';
import { armCrash, crashSwitchVariable, isArmed } from './crash-switch.ts';

/** Long enough for a broker to die, come back and answer on a busy machine, in milliseconds. */
const deadlineMs = 55_000;

/** How soon after its start a broker has taken up what the last one was in the middle of, in milliseconds. */
const promptMs = 2_000;

/** What may be said of a grant of which nothing more is known than that no credential of it was handed out. */
const honest = ['GRANT_ENDED', 'DEADLINE_EXCEEDED', 'BROKER_UNAVAILABLE', 'STORE_UNAVAILABLE'] as const;

const deploy = { resource: 'demo-api', action: 'deploy', justification: 'release 41' } as const;
const pipeline = parseSpiffeId('spiffe://stint.local/demo/ci-deploy');

/** The steps by what comes to them; together they are all. */
const signing = ['signed', 'signed_committed'] as const satisfies readonly Step[];
const interrupting = ['intent_committed', 'created'] as const satisfies readonly Step[];
const activating = ['activated'] as const satisfies readonly Step[];
const ending = [
  'revoking_committed',
  'contained',
  'contained_committed',
  'removed',
  'removed_committed',
] as const satisfies readonly Step[];

/** Where the broker keeps its grants: arguments of its program; and the store's server, where it has one, to be killed too. */
export type BrokerStore = { readonly args: readonly string[]; readonly server?: ScratchPostgres };

/**
 * Kills a broker at each step of a grant and of its end, on one kind of store, and asks what then holds. `open` gives the
 * store, which ends with the scope.
 */
export function describeBrokerCrashes(
  storeName: string,
  open: (scope: Scope) => Promise<BrokerStore>,
  more: (world: () => CrashWorld) => void = () => undefined,
): void {
  describe(`a broker on ${storeName} killed at a step of a grant`, { skip: skipWithoutMesh }, () => {
    brokerCrashes(open, more);
  });
}

/** What further tests of the suite stand on. */
export type CrashWorld = {
  readonly at: MeshUnderTest;
  readonly switchFile: string;
  readonly workload: GrpcChannel;
  readonly ci: GrpcChannel;
  readonly store: BrokerStore;
  readonly interrupted: Interrupted[];
};

/** What a caller was told whose lease was an intent when its broker or store died: a sidecar asks on until it knows. */
export type Interrupted = { readonly key: string; readonly told: Promise<PromiseSettledResult<unknown>> };

function brokerCrashes(
  open: (scope: Scope) => Promise<BrokerStore>,
  more: (world: () => CrashWorld) => void,
): void {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let switchFile: string;
  let store: BrokerStore;
  /** The workload without its sidecar, and a pipeline, both by unary calls. */
  let workload: GrpcChannel;
  let ci: GrpcChannel;
  const interrupted: Interrupted[] = [];

  before(async () => {
    switchFile = path.join(tempDir(suite), 'switch');
    store = await open(suite);
    at = await MeshUnderTest.start(suite, {
      environment: { [crashSwitchVariable]: switchFile },
      args: { broker: store.args },
      programs: { broker: programPath(new URL('switched-broker.ts', import.meta.url)) },
    });
    workload = at.unary(await at.attest(devMesh.workload));
    ci = at.unary(await at.attest(pipeline));
  });

  /** Does what comes to the step, sees the broker die there, starts it again. `told` is what the caller is told in the end. */
  async function crashAt<Answer>(step: Step, act: () => Promise<Answer>) {
    const { exited } = at.mesh.service('broker');
    armCrash(switchFile, step);
    const told = settled(act());
    assert.equal((await exited).signal, 'SIGKILL');
    assert.equal(isArmed(switchFile), false, `it died at "${step}"`);
    await at.mesh.startService('broker');
    return { told };
  }

  const acquire = (idempotencyKey: string) =>
    at.sidecar.call(services.sidecar.Acquire, { ...readDemo, fresh: true, idempotencyKey }, { deadlineMs });
  const release = (grantId: string) =>
    at.sidecar.call(services.sidecar.Release, { grantId, waitContained: true }, { deadlineMs });
  const ask = (channel: GrpcChannel, request: typeof deploy | typeof readDemo, idempotencyKey: string) =>
    channel.call(services.access.RequestAccess, { ...request, idempotencyKey });
  /** As a simple client that tries again: while nobody answers, and while an earlier asking may still be answered. */
  const askAgain = (channel: GrpcChannel, request: typeof deploy | typeof readDemo, key: string) =>
    until(`an answer for ${key}`, deadlineMs, () => ask(channel, request, key));

  test('every step is covered', () => {
    assert.deepEqual([...signing, ...interrupting, ...activating, ...ending], [...steps]);
  });

  for (const step of interrupting) {
    test(`${step}: nobody gets the credential, its key is answered as soon as the broker is back, and a new key gets access`, async () => {
      const calls: Record<string, (key: string) => Promise<unknown>> = {
        session: acquire,
        unary: (key) => ask(workload, readDemo, key),
      };
      for (const [how, call] of Object.entries(calls)) {
        const key = `${how}-${step}`;
        const { told } = await crashAt(step, () => call(key));
        interrupted.push({ key, told });
        // No wait for the intent's time: the new process knows that whoever was at it is gone.
        await until(`${key} is told that it is over`, promptMs, () =>
          assert.rejects(ask(workload, readDemo, key), { reason: 'GRANT_ENDED' }).then(() => true),
        );
        await until(
          'its user, if there was one, is gone',
          promptMs,
          async () => (await at.roles()).length === 0,
        );
        const { grant, credential } = await ask(workload, readDemo, `${key}-anew`);
        assert.ok(credential?.database);
        assert.equal(await readOrders(credential.database), 5);
        await workload.call(services.access.CompleteGrant, { grantId: grant?.id ?? '', waitContained: true });
      }
    });
  }

  test('activated, over the session: the sidecar asks again; its workload gets a credential that works, or is told that it is over', async () => {
    const { told } = await crashAt('activated', () => acquire('session-activated'));
    const result = await told;
    if (result.status === 'rejected') {
      // The broker came back later than a credential may be on its way to its receiver.
      assert.ok(isServiceError(result.reason, 'GRANT_ENDED'), String(result.reason));
      return;
    }
    assert.equal(await readOrders(databaseOf(result.value)), 5);
    await release(idOf(result.value));
  });

  test('activated, by a unary call: the same key gives the same grant, with a credential that works', async () => {
    // A simple client cannot say that a credential arrived, so none of its own is taken back.
    const { told } = await crashAt('activated', () => ask(workload, readDemo, 'unary-activated'));
    assert.ok(isServiceError(reasonOf(await told), 'BROKER_UNAVAILABLE'));
    const answer = await askAgain(workload, readDemo, 'unary-activated');
    assert.equal(answer.replayed, true);
    assert.ok(answer.credential?.database);
    assert.equal(await readOrders(answer.credential.database), 5);
    await workload.call(services.access.CompleteGrant, {
      grantId: answer.grant?.id ?? '',
      waitContained: true,
    });
  });

  for (const step of ending) {
    test(`${step}: the release is carried through, and the credential is dead`, async () => {
      const answer = await acquire(`end-${step}`);
      assert.equal(await readOrders(databaseOf(answer)), 5);
      const { told } = await crashAt(step, () => release(idOf(answer)));
      assert.equal(answerOf(await told).completed, true);
      await assert.rejects(readOrders(databaseOf(answer)));
      await assert.rejects(acquire(`end-${step}`), { reason: 'GRANT_ENDED' });
    });
  }

  test('signed: nothing was written; the same key gives a first grant', async () => {
    const { told } = await crashAt('signed', () => ask(ci, deploy, 'unary-signed'));
    assert.ok(isServiceError(reasonOf(await told), 'BROKER_UNAVAILABLE'));
    const answer = await askAgain(ci, deploy, 'unary-signed');
    assert.equal(answer.replayed, false);
    await ci.call(services.access.CompleteGrant, { grantId: answer.grant?.id ?? '' });
  });

  test('signed_committed: the same key gives the grant of then, once', async () => {
    const { told } = await crashAt('signed_committed', () => ask(ci, deploy, 'unary-signed-committed'));
    assert.ok(isServiceError(reasonOf(await told), 'BROKER_UNAVAILABLE'));
    const answer = await askAgain(ci, deploy, 'unary-signed-committed');
    assert.equal(answer.replayed, true);
    assert.ok(answer.credential?.token);
    await ci.call(services.access.CompleteGrant, { grantId: answer.grant?.id ?? '' });
  });

  test('down when a lease ends: the target itself lets nobody in, and the open session is cut once it is back', async () => {
    const request = { ...readDemo, idempotencyKey: 'ends-while-down', ttl: toDuration(2_000) };
    const { credential } = await workload.call(services.access.RequestAccess, request);
    assert.ok(credential?.database);
    const { host, port, database, username: user, password } = credential.database;
    const open = new pg.Client({ host, port, database, user, password });
    // A server that cuts a session says so, then closes the connection: two faults to the client.
    const cut = new Promise<Error>((resolve) => void open.on('error', resolve));
    await open.connect();
    await at.mesh.service('broker').crash();
    await until('the lease has ended by the target', deadlineMs, async () => {
      const [role] = await at.roles().then((roles) => roles.filter(({ name }) => name === user));
      return role?.isPastEnd;
    });
    await assert.rejects(readOrders(credential.database));
    await at.mesh.startService('broker');
    assert.equal(((await cut) as { code?: string }).code, '57P01');
  });

  more(() => ({ at, switchFile, workload, ci, store, interrupted }));

  test('in the end no lease is left, none has a user, every event is in the log once, and every key has its answer', async () => {
    const events = await requireSound(at);
    for (const { key, told } of interrupted) {
      const first = reasonOf(await told);
      assert.ok(isServiceError(first, ...honest), `${key}: ${String(first)}`);
      await assert.rejects(ask(workload, readDemo, key), { reason: 'GRANT_ENDED' });
    }
    const unknown = events.filter(({ type }) => type === 'lease.unknown');
    assert.equal(unknown.length, interrupted.length, 'each interrupted creation is on record');
  });
}

async function settled<Answer>(act: Promise<Answer>): Promise<PromiseSettledResult<Answer>> {
  const [result] = await Promise.allSettled([act]);
  return result;
}

function answerOf<Answer>(result: PromiseSettledResult<Answer>): Answer {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

function reasonOf(result: PromiseSettledResult<unknown>): unknown {
  assert.equal(result.status, 'rejected', 'it must fail');
  return result.reason;
}

function idOf({ grant }: AcquireResponse__Output): string {
  assert.ok(grant);
  return grant.id;
}

function databaseOf({ credential }: AcquireResponse__Output) {
  assert.ok(credential?.database);
  return credential.database;
}

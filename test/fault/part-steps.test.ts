import assert from 'node:assert/strict';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import type { AcquireResponse__Output } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { type Step, steps } from '../../services/broker/app/ending/steps.ts';
import { requireSound } from '../harness/mesh-soundness.ts';
import {
  isAlive,
  MeshUnderTest,
  programPath,
  readDemo,
  readOrders,
  skipWithoutMesh,
} from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';
import { armCrash, crashSwitchVariable, isArmed } from './crash-switch.ts';

/** Long enough for a part to die, come back and serve on a busy machine, in milliseconds. */
const deadlineMs = 30_000;

const signing: readonly Step[] = ['signed', 'signed_committed'];
const issuing: readonly Step[] = ['intent_committed', 'created', 'activated'];
const ending = steps.filter((step) => !signing.includes(step) && !issuing.includes(step));

/** What a workload may be told of a key whose grant a crash cut short; anything but these would leave it guessing. */
const isOver = (thrown: unknown) => isServiceError(thrown, 'GRANT_ENDED');

/** A part beside the broker: its process, and how an operator brings it back. */
type Part = { readonly pid: () => number; readonly restart: () => Promise<unknown> };

describe('a part beside the broker killed at a step of a grant', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let switchFile: string;
  let ci: GrpcChannel;

  before(async () => {
    switchFile = path.join(tempDir(suite), 'switch');
    at = await MeshUnderTest.start(suite, {
      environment: { [crashSwitchVariable]: switchFile },
      programs: { broker: programPath(new URL('switched-broker.ts', import.meta.url)) },
    });
    ci = at.unary(await at.attest(parseSpiffeId('spiffe://stint.local/demo/ci-deploy')));
  });

  const parts: Record<string, Part> = {
    'the auditor': {
      pid: () => at.mesh.service('auditor').pid,
      restart: () => at.mesh.startService('auditor'),
    },
    'nats-server': {
      pid: () => at.mesh.bus.server.pid,
      restart: async () => {
        await at.mesh.bus.stop();
        await at.mesh.startBus();
      },
    },
    PostgreSQL: {
      pid: () => at.mesh.target.server.pid,
      restart: async () => {
        await at.mesh.target.server.crash(); // the sessions that are left of it
        await at.mesh.startTarget();
      },
    },
    'the sidecar': {
      pid: () => at.mesh.service('sidecar').pid,
      restart: () => at.mesh.startService('sidecar'),
    },
  };

  /** Does what comes to the step, at which the broker kills the part; brings it back. Waits for the act's end, however it ended. */
  async function killAt(step: Step, part: Part, act: () => Promise<unknown>): Promise<void> {
    const pid = part.pid();
    armCrash(switchFile, step, pid);
    const acting = Promise.allSettled([act()]);
    await until(`the broker comes to "${step}"`, deadlineMs, () => !isArmed(switchFile));
    await until('the part is dead', deadlineMs, () => !isAlive(pid));
    await part.restart();
    await acting;
  }

  const acquire = (idempotencyKey: string) =>
    at.sidecar.call(services.sidecar.Acquire, { ...readDemo, fresh: true, idempotencyKey }, { deadlineMs });
  const release = (answer: AcquireResponse__Output) => {
    const grantId = answer.grant?.id ?? '';
    return at.sidecar.call(services.sidecar.Release, { grantId, waitContained: true }, { deadlineMs });
  };

  /** As a workload that tries again until it has an answer: access, or that the grant is over. */
  const askAgain = (key: string) =>
    until(`an answer for ${key}`, deadlineMs, () =>
      acquire(key).catch((thrown: unknown) => {
        if (isOver(thrown)) return 'over' as const;
        throw thrown;
      }),
    );

  for (const [name, part] of Object.entries(parts)) {
    for (const step of issuing) {
      test(`${name}, ${step}: the same key gives a credential that works, or says that the grant is over`, async () => {
        const key = `${name.replaceAll(' ', '-')}-${step}`;
        await killAt(step, part, () => acquire(key));
        const answer = await askAgain(key);
        if (answer === 'over') return;
        assert.ok(answer.credential?.database);
        assert.equal(await readOrders(answer.credential.database), 5);
        await release(answer);
      });
    }

    for (const step of ending) {
      test(`${name}, ${step}: the release is carried through, and the credential is dead`, async () => {
        const answer = await acquire(`${name.replaceAll(' ', '-')}-${step}`);
        const { credential } = answer;
        assert.ok(credential?.database);
        await killAt(step, part, () => release(answer));
        const { leases } = await until('the lease has ended', deadlineMs, async () => {
          const found = await at.admin.call(services.admin.GetGrant, { grantId: answer.grant?.id ?? '' });
          return found.grant?.state === 'completed' ? found : undefined;
        });
        assert.deepEqual(
          leases.map(({ state }) => state),
          ['revoked'],
        );
        await assert.rejects(readOrders(credential.database));
      });
    }

    for (const step of signing) {
      test(`${name}, ${step}: the token is issued all the same`, async () => {
        const request = { resource: 'demo-api', action: 'read', justification: 'a smoke test' };
        const idempotencyKey = `${name.replaceAll(' ', '-')}-${step}`;
        await killAt(step, part, () =>
          ci.call(services.access.RequestAccess, { ...request, idempotencyKey }),
        );
        const { grant, replayed } = await ci.call(services.access.RequestAccess, {
          ...request,
          idempotencyKey,
        });
        assert.equal(replayed, true);
        await ci.call(services.access.CompleteGrant, { grantId: grant?.id ?? '' });
      });
    }

    test(`${name}: in the end no lease is left, none has a user, and every event is in the log once`, async () => {
      await requireSound(at);
    });
  }
});

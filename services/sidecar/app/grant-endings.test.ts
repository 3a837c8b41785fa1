import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorReason, isServiceError, ServiceError } from '@stint/common/errors.ts';
import { type GrantId, newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { heldClock } from '../../../test/harness/held-clock.ts';
import { GrantEndings } from './grant-endings.ts';
import type { Broker, GrantEnding } from './ports.ts';

/** A broker that refuses as long as it is told to. */
function brokerThat(refuses: (ending: GrantEnding, tries: number) => ErrorReason | undefined) {
  const tries: GrantEnding[] = [];
  let underWay = 0;
  let underWayMost = 0;
  const broker = {
    completeGrant: async (ending: GrantEnding) => {
      underWay += 1;
      underWayMost = Math.max(underWayMost, underWay);
      tries.push(ending);
      await new Promise(setImmediate);
      underWay -= 1;
      const reason = refuses(ending, tries.length);
      if (reason !== undefined) throw new ServiceError(reason, 'refused');
      return { grant: null, leases: [] };
    },
  } as Partial<Broker> as Broker;
  return { broker, tries, most: () => underWayMost };
}

function endingsAt(broker: Broker, clock = { now: () => 0 }, leasesMax = 10_000) {
  const log = createLog({ service: 'test', level: 'silent' });
  return new GrantEndings({ broker, clock, log, leasesMax, retryMs: 1 });
}

const grant = (n = 0): GrantId => newId('grant', n);
const ending = (until = 1_000) =>
  ({ grantId: grant(), reason: 'completed', waitContained: true, until }) as const;

test('an ending is tried until the broker has it, and only the first try waits for containment', async () => {
  const { broker, tries } = brokerThat((_, n) =>
    n < 4 ? (['BROKER_UNAVAILABLE', 'INTERNAL', 'RATE_LIMITED'] as const)[n - 1] : undefined,
  );
  const endings = endingsAt(broker);
  await endings.add(ending());
  assert.deepEqual(
    tries.map(({ waitContained }) => waitContained),
    [true, false, false, false],
  );
  assert.equal(endings.size, 0);
});

test('a refusal that stays is the end of it', async () => {
  const { broker, tries } = brokerThat(() => 'GRANT_NOT_FOUND');
  const endings = endingsAt(broker);
  await assert.rejects(endings.add(ending()), (error) => isServiceError(error, 'GRANT_NOT_FOUND'));
  assert.equal(tries.length, 1);
  assert.equal(endings.size, 0);
});

test('after the grant’s own end nothing is tried any more', async () => {
  const clock = heldClock(0);
  const { broker, tries } = brokerThat(() => {
    clock.advance(400);
    return 'BROKER_UNAVAILABLE';
  });
  const endings = endingsAt(broker, clock);
  await assert.rejects(endings.add(ending()), (error) => isServiceError(error, 'BROKER_UNAVAILABLE'));
  assert.equal(tries.length, 3);
});

test('the same grant is ended once, however often it is asked for', async () => {
  const { broker, tries } = brokerThat(() => undefined);
  const endings = endingsAt(broker);
  const one = ending();
  await Promise.all([endings.add(one), endings.add(one), endings.find(one.grantId)]);
  assert.equal(tries.length, 1);
});

test('many endings go few at a time, and flushing waits for all', async () => {
  const { broker, tries, most } = brokerThat(() => undefined);
  const endings = endingsAt(broker);
  for (let n = 0; n < 1_000; n++) endings.abandon({ grantId: grant(n), hardExpiresAt: 1_000 });
  assert.equal(await endings.flush(60_000), 0);
  assert.equal(tries.length, 1_000);
  assert.ok(most() <= 128);
});

test('flushing gives up at its deadline and says how many are left', async () => {
  const { broker } = brokerThat(() => 'BROKER_UNAVAILABLE');
  const endings = endingsAt(broker);
  const refused = assert.rejects(endings.add(ending()), (error) => isServiceError(error, 'SHUTTING_DOWN'));
  assert.equal(await endings.flush(20), 1);
  endings.stop();
  await refused;
  assert.equal(endings.size, 0);
});

test('late access is given back up to the bound of leases, and what was held always', (t) => {
  const { broker } = brokerThat(() => 'BROKER_UNAVAILABLE');
  const endings = endingsAt(broker, { now: () => 0 }, 3);
  t.after(() => endings.stop());
  for (let n = 0; n < 10; n++) endings.abandonLate({ grantId: grant(n), hardExpiresAt: 1_000 });
  assert.equal(endings.size, 3);
  endings.abandon({ grantId: grant(10), hardExpiresAt: 1_000 });
  assert.equal(endings.size, 4);
});

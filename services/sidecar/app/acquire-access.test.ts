import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { Secret } from '@stint/common/secret.ts';
import { refusedAs } from '../../../test/harness/refused-as.ts';
import { EndedLeases } from '../domain/ended-leases.ts';
import { LeaseCache } from '../domain/lease-cache.ts';
import { AcquireAccess, type AcquireRequest, bytesPerLeaseMax } from './acquire-access.ts';
import { GrantEndings } from './grant-endings.ts';
import type { Access, AnsweredAccess, Broker } from './ports.ts';
import { WatchSessions } from './watch-sessions.ts';

const clock = { now: () => 1_000 };
const leasesMax = 10;
const question: AcquireRequest = {
  resource: 'orders-api',
  action: 'read',
  justification: '',
  context: {},
  parameters: {},
  idempotencyKey: undefined,
  isFresh: true,
  sessionId: undefined,
};

/** A use case whose broker grants whatever is asked, in answers of this size. */
function acquireWithAnswersOf(bytes: number) {
  const requestAccess = async (): Promise<AnsweredAccess> => ({
    access: { credentialKind: 'token', answer: new Secret('') },
    bytes,
    grantId: newId('grant', 0),
    leaseId: newId('lease', 0),
    decidedAt: 1_000,
    expiresAt: 60_000,
    hardExpiresAt: 60_000,
    renewable: false,
    replayed: false,
  });
  const broker = { requestAccess, outage: () => undefined } as Partial<Broker> as Broker;
  const log = createLog({ service: 'test', level: 'silent' });
  const cache = new LeaseCache<Access>();
  const endings = new GrantEndings({ broker, clock, log, leasesMax, retryMs: 1 });
  const [sessions, endedLeases] = [new WatchSessions(), new EndedLeases()];
  const acquire = new AcquireAccess({ cache, sessions, endings, endedLeases, broker, clock, leasesMax });
  const caller = { deadline: undefined, signal: new AbortController().signal };
  return { cache, endedLeases, broker, ask: async () => await acquire.execute(question, caller) };
}

test('a broker whose answers are too long on average fills memory to the bound, not to as many as there may be leases', async () => {
  const { cache, ask } = acquireWithAnswersOf(4 * bytesPerLeaseMax);
  const held = [await ask(), await ask(), await ask()];
  await assert.rejects(ask(), (thrown) => {
    assert.ok(isServiceError(thrown, 'RATE_LIMITED'), String(thrown));
    assert.equal(thrown.metadata['bytes_max'], String(leasesMax * bytesPerLeaseMax));
    return true;
  });
  for (const { grantId } of held) cache.release(grantId, undefined);
  await ask();
});

test('of answers that are no longer than expected as many are kept as there may be leases', async () => {
  const { ask } = acquireWithAnswersOf(bytesPerLeaseMax);
  for (let n = 0; n < leasesMax; n++) await ask();
  await assert.rejects(
    ask(),
    (thrown) => isServiceError(thrown, 'RATE_LIMITED') && 'leases_max' in thrown.metadata,
  );
});

test('a lease that was ended while its answer was on the way is asked for no second time', async () => {
  const { endedLeases, broker, ask } = acquireWithAnswersOf(100);
  const { requestAccess } = broker;
  let asked = 0;
  broker.requestAccess = async (...question) => {
    asked += 1;
    const answered = await requestAccess(...question);
    endedLeases.add(answered.leaseId, answered.expiresAt, clock.now());
    return answered;
  };
  await assert.rejects(ask(), refusedAs('GRANT_ENDED'));
  assert.equal(asked, 1);
});

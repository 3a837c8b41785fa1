import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import { newId } from '@stint/common/ids.ts';
import { Secret } from '@stint/common/secret.ts';
import { heldClock } from '../../../test/harness/held-clock.ts';
import { refusedAs } from '../../../test/harness/refused-as.ts';
import { type HeldLease, LeaseCache } from '../domain/lease-cache.ts';
import type { Access, Broker, LeaseMessage, RenewedLease } from './ports.ts';
import { RenewLease } from './renew-lease.ts';
import { WatchSessions } from './watch-sessions.ts';

const minuteMs = 60_000;

/** A held lease of five minutes that a broker renews for five, at a clock that is so far behind the broker's. */
async function renewedAt(behindMs: number, word: 'told' | 'untold') {
  const clock = heldClock(0);
  const cache = new LeaseCache<Access>();
  const lease: HeldLease<Access> = {
    leaseId: newId('lease', 0),
    grantId: newId('grant', 0),
    key: 'a question',
    wantedMs: undefined,
    issuedAt: 0,
    expiresAt: 5 * minuteMs,
    hardExpiresAt: behindMs + 60 * minuteMs,
    renewable: true,
    bytes: 1,
    access: { credentialKind: 'database', answer: new Secret('') },
  };
  cache.add(lease, minuteMs);
  cache.hold(lease.grantId, undefined);
  const renewLease = (): Promise<RenewedLease> => {
    const now = clock.now() + behindMs;
    return Promise.resolve({
      lease: {} as LeaseMessage,
      renewedAt: word === 'told' ? now : undefined,
      expiresAt: now + 5 * minuteMs,
      hardExpiresAt: lease.hardExpiresAt,
      renewable: true,
    });
  };
  const broker = { renewLease, outage: () => undefined } as Partial<Broker> as Broker;
  const renewing = new RenewLease({ cache, broker, clock, sessions: new WatchSessions() });
  clock.set(4 * minuteMs);
  await renewing.renewHeld(lease);
  return { cache, lease };
}

for (const behindMs of [0, 10 * minuteMs])
  test(`a renewed lease is served and renewed within its new life by a clock that is ${behindMs} ms behind`, async () => {
    const { cache, lease } = await renewedAt(behindMs, 'told');
    assert.equal(cache.findLease(lease.leaseId)?.expiresAt, 9 * minuteMs);
    const twoThirds = (4 + (5 * 2) / 3) * minuteMs;
    assert.equal(cache.sweep(twoThirds - 1).toRenew.length, 0);
    assert.equal(cache.sweep(twoThirds).toRenew.length, 1);
    assert.equal(cache.find('a question', undefined, 9 * minuteMs), undefined);
  });

test('a lease that cannot be renewed for now is tried again before its end; one that is not there is not', async () => {
  for (const reason of ['LEASE_NOT_RENEWABLE', 'LEASE_NOT_FOUND'] as const) {
    const { cache, lease } = await renewedAt(0, 'told');
    const refused = () => Promise.reject(new ServiceError(reason, 'not now'));
    const broker = { renewLease: refused, outage: () => undefined } as Partial<Broker> as Broker;
    const clock = { now: () => 8 * minuteMs };
    const renewing = new RenewLease({ cache, broker, clock, sessions: new WatchSessions() });
    assert.equal(cache.sweep(8 * minuteMs).toRenew.length, 1);
    await assert.rejects(renewing.renewHeld(lease), refusedAs(reason));
    assert.equal(cache.sweep(8.5 * minuteMs).toRenew.length, reason === 'LEASE_NOT_RENEWABLE' ? 1 : 0);
  }
});

test('a clock that is ahead ends a renewed lease at the time that the broker said', async () => {
  const { cache, lease } = await renewedAt(-minuteMs, 'told');
  assert.equal(cache.findLease(lease.leaseId)?.expiresAt, 8 * minuteMs);
});

test('a broker that does not say when it renewed is taken at its end', async () => {
  const { cache, lease } = await renewedAt(0, 'untold');
  assert.equal(cache.findLease(lease.leaseId)?.expiresAt, 9 * minuteMs);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusedAs } from '../../../test/harness/refused-as.ts';
import { EndedLeases } from '../domain/ended-leases.ts';
import { GrantTokenKeys } from './grant-token-keys.ts';
import type { Broker } from './ports.ts';
import { VerifyToken } from './verify-token.ts';

const silenceMsMax = 60_000;
const heardAt = 10_000_000;

test('tokens are looked at for as long after the broker’s last word as may be, also by a clock that was set back', async () => {
  const keys = new GrantTokenKeys();
  keys.replace({ jwks: '{"keys":[]}', issuer: 'https://broker.test' });
  const broker = { lastHeardAt: () => heardAt, outage: () => undefined } as Partial<Broker> as Broker;
  const verifiedAt = (now: number) => {
    const parts = { keys, broker, silenceMsMax, endedLeases: new EndedLeases(), clock: { now: () => now } };
    const question = { token: 'none', audience: 'orders-api', presenter: undefined, action: undefined };
    return new VerifyToken(parts).execute(question);
  };
  for (const ms of [0, silenceMsMax, -silenceMsMax])
    await assert.rejects(verifiedAt(heardAt + ms), refusedAs('TOKEN_INVALID'), `${ms} ms later`);
  for (const ms of [silenceMsMax + 1, -silenceMsMax - 1, -3_600_000])
    await assert.rejects(verifiedAt(heardAt + ms), refusedAs('BROKER_UNAVAILABLE'), `${ms} ms later`);
});

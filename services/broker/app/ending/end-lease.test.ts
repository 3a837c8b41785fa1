import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '@stint/common/log.ts';
import { grantAndLease } from '../../../../test/harness/ledger-entries.ts';
import { LeaseEnding, type LeaseEndingParts } from './end-lease.ts';

test('a lease that has ended, or has not begun to, is left as it is: what is driven again is not driven into stuck', async () => {
  const ending = new LeaseEnding({
    providers: new Map(),
    ledger: { commit: () => assert.fail('nothing is to be written') },
    log: createLog({ service: 'test', level: 'silent' }),
  } as unknown as LeaseEndingParts);
  for (const state of ['intent', 'active', 'revoked', 'aborted'] as const) {
    const held = grantAndLease(0, { lease: { state } });
    assert.equal(await ending.drive(held), held);
  }
});

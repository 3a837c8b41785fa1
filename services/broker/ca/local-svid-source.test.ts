import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { heldClock } from '../../../test/harness/held-clock.ts';
import { identityBroker } from '../../../test/harness/identity-broker.ts';
import { type Scope, tempDir } from '../../../test/harness/temp-dir.ts';
import { openLocalSvidSource } from './local-svid-source.ts';

const spiffeId = parseSpiffeId('spiffe://stint.test/stint/broker/b1');
const hourMs = 3_600_000;

async function underTest(t: Scope) {
  const clock = heldClock();
  const { ca } = await identityBroker({ directory: tempDir(t), clock });
  const recorded: [string, string][] = [];
  const faults: { record?: Error } = {};
  const source = await openLocalSvidSource({
    issuer: ca,
    spiffeId,
    ttlMs: hourMs,
    clock,
    random: () => 0.5,
    recordRotation: (svid, previous) => {
      if (faults.record !== undefined) return Promise.reject(faults.record);
      recorded.push([svid.sha256, previous.sha256]);
      return Promise.resolve();
    },
    onFailure: () => undefined,
  });
  return { clock, source, recorded, faults };
}

describe("the broker's own SVID", () => {
  it('is there as soon as the source is open', async (t) => {
    const { source, recorded } = await underTest(t);
    assert.equal(source.current().svid.spiffeId, spiffeId);
    assert.deepEqual(recorded, []);
  });

  it('is replaced at half life, also after sleeping past its end, each time recorded before it is used', async (t) => {
    const { clock, source, recorded } = await underTest(t);
    const seen = [source.current().svid.sha256];
    for (const sleepMs of [hourMs / 2, 5 * hourMs]) {
      clock.advance(sleepMs);
      await source.tick();
      seen.unshift(source.current().svid.sha256);
      assert.deepEqual(recorded.at(-1), seen.slice(0, 2));
    }
  });

  it('is not replaced while that cannot be recorded', async (t) => {
    const { clock, source, faults } = await underTest(t);
    const before = source.current();
    faults.record = new Error('the store did not commit');
    clock.advance(hourMs / 2);
    await source.tick();
    assert.equal(source.current(), before);
    delete faults.record;
    clock.advance(60_000);
    await source.tick();
    assert.notEqual(source.current(), before);
  });
});

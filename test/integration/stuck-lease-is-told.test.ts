import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProviderFailure } from '../../services/broker/app/ports/provider.ts';
import { retryMsMax } from '../../services/broker/domain/lease.ts';
import { BrokerCore } from '../harness/broker-core.ts';

/** Whatever ends a lease at the target fails for want of that right from now on. */
function missRight(core: BrokerCore, right: string): void {
  const code = `42501:${right}`;
  core.target.contain = () =>
    Promise.reject(new ProviderFailure('blocked', code, { remedy: `give ${right}` }));
}

/** What the operator was told to do so far: of each error its remedy, of each warning its code. */
function told(core: BrokerCore): string[] {
  const lines = core.logText().split('\n').filter(Boolean);
  const records = lines.map((line) => JSON.parse(line) as Record<string, string>);
  return records
    .filter(({ lease_id }) => lease_id !== undefined)
    .map(({ level, code, todo, remedy }) => {
      assert.equal(todo !== undefined, level === 'error');
      return level === 'error' ? `error: ${remedy}` : `${level}: ${code}`;
    });
}

/** A lease that is stuck for want of the right, told once. */
async function stuckFor(core: BrokerCore, right: string) {
  const taken = await core.takeRead();
  missRight(core, right);
  await core.release(taken.grant);
  assert.deepEqual(told(core), [`error: give ${right}`]);
  return taken;
}

describe('what mends a stuck lease is told as an error', () => {
  test('once while the same keeps it, and again whenever something else does', async (t) => {
    const core = await BrokerCore.start(t);
    const { grant } = await stuckFor(core, 'superuser');
    await core.pass(retryMsMax + 100);
    missRight(core, 'createrole');
    for (let tries = 0; tries < 2; tries++) await core.pass(retryMsMax + 100);
    assert.deepEqual(told(core).slice(1), [
      'warn: 42501:superuser',
      'error: give createrole',
      'warn: 42501:createrole',
    ]);
    const events = await core.story(grant);
    assert.equal(events.filter((type) => type === 'lease.stuck').length, 1);
  });

  test('once more by a broker that starts again', async (t) => {
    const core = await BrokerCore.start(t);
    await stuckFor(core, 'superuser');
    await core.crash();
    for (let tries = 0; tries < 2; tries++) await core.pass(retryMsMax + 100);
    assert.deepEqual(told(core).slice(1), ['error: give superuser', 'warn: 42501:superuser']);
  });

  test('and nothing is while its target is only away', async (t) => {
    const core = await BrokerCore.start(t);
    await stuckFor(core, 'superuser');
    core.target.contain = () => Promise.reject(new ProviderFailure('unreachable', 'ETIMEDOUT'));
    await core.crash();
    await core.pass(retryMsMax + 100);
    assert.deepEqual(told(core).slice(1), ['warn: ETIMEDOUT']);
  });
});

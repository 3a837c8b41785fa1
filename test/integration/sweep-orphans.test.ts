import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BrokerCore } from '../harness/broker-core.ts';

/** The target cannot be asked. */
const away = { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' } as const;

describe('what stands at a target without a lease', () => {
  test('is contained, recorded and removed at its second sighting', async (t) => {
    const core = await BrokerCore.start(t);
    core.target.plant('stint_orphan');
    assert.equal(await core.sweeper.sweep(), 0);
    assert.deepEqual(core.target.entities(), ['stint_orphan']);
    assert.equal(await core.sweeper.sweep(), 1);
    assert.deepEqual(core.target.entities(), []);
    const records = (await core.events()).filter(({ type }) => type === 'target.orphan_removed');
    assert.deepEqual(
      records.map(({ data }) => [data['entity_name'], data['provider']]),
      [['stint_orphan', 'database']],
    );
    assert.equal(await core.sweeper.sweep(), 0);
  });

  test('stays while its target cannot be asked; the next pass tries again', async (t) => {
    const core = await BrokerCore.start(t);
    core.target.plant('stint_orphan');
    await core.sweeper.sweep();
    core.target.failNext('contain', away);
    assert.equal(await core.sweeper.sweep(), 0);
    assert.deepEqual(core.target.entities(), ['stint_orphan']);
    assert.match(core.logText(), /could not be swept/);
    assert.equal(await core.sweeper.sweep(), 1);
    assert.deepEqual(core.target.entities(), []);
  });
});

describe('a lease of ours', () => {
  test('is never swept: while it is made, lives, ends or waits for its target', async (t) => {
    const core = await BrokerCore.start(t);
    const letGo = core.target.hold('create');
    const asking = core.takeRead();
    await core.sweeper.sweep();
    letGo();
    const { grant, lease } = await asking;
    for (let pass = 0; pass < 3; pass++) assert.equal(await core.sweeper.sweep(), 0);
    core.target.failAlways('remove', away);
    await core.release(grant);
    for (let pass = 0; pass < 3; pass++) assert.equal(await core.sweeper.sweep(), 0);
    assert.deepEqual(core.target.entities(), [lease.entityName]);
    core.target.mend();
    await core.pass(600_000);
    assert.deepEqual(core.target.entities(), []);
    assert.equal(await core.sweeper.sweep(), 0);
  });
});

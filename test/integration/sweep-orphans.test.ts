import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ServiceError } from '@stint/common/errors.ts';
import { SweepOrphans } from '../../services/broker/app/ending/sweep-orphans.ts';
import type { TargetEntity } from '../../services/broker/app/ports/provider.ts';
import type { MemoryTarget } from '../fakes/memory-target.ts';
import { BrokerCore } from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

/** The target cannot be asked. */
const away = { when: 'before', kind: 'unreachable', code: 'ECONNREFUSED' } as const;

/** What is on record about orphans, in order. */
async function orphanRecords(core: BrokerCore): Promise<string[]> {
  const records = (await core.events()).filter(({ type }) => type.startsWith('target.'));
  return records.map(({ type, data }) => `${type} ${String(data['entity_name'])}`);
}

/** Lines of the log at error level. */
function errors(core: BrokerCore): { code?: string; entity_name?: string; todo?: string }[] {
  return core
    .logText()
    .split('\n')
    .filter((line) => line.includes('"level":"error"') || line.includes('"level":50'))
    .map((line) => JSON.parse(line));
}

describe('what stands at a target without a lease', () => {
  test('is contained, recorded and removed at its second sighting', async (t) => {
    const core = await BrokerCore.start(t);
    core.target.plant('stint_orphan');
    assert.equal(await core.sweeper.sweep(), 0);
    assert.deepEqual(core.target.entities(), ['stint_orphan']);
    assert.equal(await core.sweeper.sweep(), 1);
    assert.deepEqual(core.target.entities(), []);
    assert.deepEqual(await orphanRecords(core), [
      'target.orphan_contained stint_orphan',
      'target.orphan_removed stint_orphan',
    ]);
    assert.equal(await core.sweeper.sweep(), 0);
  });

  test('stays while its target cannot be asked; the next pass tries again', async (t) => {
    const core = await BrokerCore.start(t);
    core.target.plant('stint_orphan');
    await core.sweeper.sweep();
    core.target.failNext('contain', away);
    assert.equal(await core.sweeper.sweep(), 0);
    assert.deepEqual(core.target.entities(), ['stint_orphan']);
    assert.match(core.logText(), /could not be removed yet/);
    assert.equal(await core.sweeper.sweep(), 1);
    assert.deepEqual(core.target.entities(), []);
  });
});

test('a target that hangs keeps no other one from being swept', async (t) => {
  const core = await BrokerCore.start(t);
  core.target.plant('stint_orphan');
  let gate = Promise.withResolvers<readonly TargetEntity[]>();
  const hanging = Object.assign(Object.create(core.target) as MemoryTarget, {
    name: 'hangs',
    listEntities: () => gate.promise,
  });
  const { clock, log, store } = core;
  const providers = new Map([hanging, core.target].map((target) => [target.name, target]));
  const sweeper = new SweepOrphans({ clock, log, ledger: store.ledger, store: store.grants, providers });
  const first = sweeper.sweep();
  gate.resolve([]);
  await first;
  gate = Promise.withResolvers();
  const second = sweeper.sweep();
  await until('the orphan is gone', 10_000, () => core.target.entities().length === 0);
  gate.resolve([]);
  assert.equal(await second, 1);
});

describe('an orphan that its target does not let go', () => {
  test('stops no other one: the rest are removed, and it is said once as an error, with what to do', async (t) => {
    const core = await BrokerCore.start(t);
    for (const name of ['stint_a', 'stint_b', 'stint_c', 'stint_d']) core.target.plant(name);
    core.target.block('stint_a', 'contain', '42501');
    core.target.block('stint_b', 'remove', '2BP01:a.pg_class=1');
    let removed = 0;
    for (let pass = 0; pass < 5; pass++) removed += await core.sweeper.sweep();
    assert.equal(removed, 2);
    assert.deepEqual(core.target.entities(), ['stint_a', 'stint_b']);
    assert.deepEqual(core.target.usable(), ['stint_a'], 'what cannot be removed is contained at least');
    assert.deepEqual(
      errors(core).map(({ entity_name, code }) => [entity_name, code]),
      [
        ['stint_a', '42501'],
        ['stint_b', '2BP01:a.pg_class=1'],
      ],
    );
    assert.match(String(errors(core)[0]?.todo), /remove "stint_a" there by hand/);
    assert.deepEqual(await orphanRecords(core), [
      'target.orphan_contained stint_b',
      'target.orphan_contained stint_c',
      'target.orphan_contained stint_d',
      'target.orphan_removed stint_c',
      'target.orphan_removed stint_d',
    ]);
  });

  test('is tried again after pauses that grow to an hour, and goes when its target lets it', async (t) => {
    const core = await BrokerCore.start(t);
    core.target.plant('stint_a');
    core.target.block('stint_a', 'remove', '2BP01:a.pg_class=1');
    await core.sweeper.sweep();
    const triedAt: number[] = [];
    for (let minute = 0; minute < 300; minute++) {
      const before = core.target.calls.remove;
      await core.sweeper.sweep();
      if (core.target.calls.remove > before) triedAt.push(minute);
      core.clock.advance(60_000);
    }
    assert.deepEqual(triedAt, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    core.target.mend();
    core.clock.advance(3_600_000);
    assert.equal(await core.sweeper.sweep(), 1);
    assert.deepEqual(core.target.entities(), []);
    assert.deepEqual(await orphanRecords(core), [
      'target.orphan_contained stint_a',
      'target.orphan_removed stint_a',
    ]);
  });

  test('in a crowd keeps nobody from his turn', async (t) => {
    const core = await BrokerCore.start(t);
    for (let i = 0; i < 450; i++) {
      const name = `stint_a${String(i).padStart(3, '0')}`;
      core.target.plant(name);
      core.target.block(name, 'contain', '42501');
    }
    core.target.plant('stint_z');
    let removed = 0;
    for (let pass = 0; pass < 4; pass++) removed += await core.sweeper.sweep();
    assert.equal(removed, 1);
    assert.equal(core.target.entities().length, 450);
  });
});

test('words that somebody left at a target in the place of a resource stop no record', async (t) => {
  const core = await BrokerCore.start(t);
  core.target.plant('stint_a', '\ud800');
  core.target.plant('stint_b', 'x'.repeat(2_000_000));
  for (let pass = 0; pass < 2; pass++) await core.sweeper.sweep();
  assert.deepEqual(core.target.entities(), []);
  assert.equal((await orphanRecords(core)).length, 4);
});

test('a target that went away after its listing is left until the next pass, not asked for every orphan', async (t) => {
  const core = await BrokerCore.start(t);
  for (let i = 0; i < 9; i++) core.target.plant(`stint_${i}`);
  await core.sweeper.sweep();
  core.target.failAlways('contain', away);
  assert.equal(await core.sweeper.sweep(), 0);
  assert.equal(core.target.calls.contain, 3);
  core.target.mend();
  assert.equal(await core.sweeper.sweep(), 9);
});

test('a removal whose record could not be written is recorded by the next pass, once', async (t) => {
  const core = await BrokerCore.start(t);
  core.target.plant('stint_a');
  await core.sweeper.sweep();
  const { ledger } = core.store;
  const commit = ledger.commit.bind(ledger);
  ledger.commit = (entry) =>
    entry.events[0]?.type === 'target.orphan_removed'
      ? Promise.reject(new ServiceError('STORE_UNAVAILABLE', 'disk full'))
      : commit(entry);
  assert.equal(await core.sweeper.sweep(), 0);
  assert.deepEqual(core.target.entities(), []);
  ledger.commit = commit;
  for (let pass = 0; pass < 2; pass++) await core.sweeper.sweep();
  assert.deepEqual(await orphanRecords(core), [
    'target.orphan_contained stint_a',
    'target.orphan_removed stint_a',
  ]);
});

describe('a lease of ours', () => {
  test('is never swept: while it is made, lives, ends or waits for its target', async (t) => {
    const core = await BrokerCore.start(t);
    const answer = Promise.withResolvers<void>();
    const create = core.target.create.bind(core.target);
    core.target.create = async (...intent) => {
      const made = await create(...intent);
      await answer.promise;
      return made;
    };
    const asking = core.takeRead();
    await until('its user is made', 10_000, () => core.target.entities().length === 1);
    for (let pass = 0; pass < 3; pass++) assert.equal(await core.sweeper.sweep(), 0);
    answer.resolve();
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

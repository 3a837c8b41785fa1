import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SweepOrphans } from '../../services/broker/app/ending/sweep-orphans.ts';
import { BrokerCore } from '../harness/broker-core.ts';
import {
  brokerName,
  demoResource,
  newIntent,
  postgresTarget,
  postgresVersions,
  readProfile,
} from '../harness/postgres-target.ts';

// Before 16 the right to make roles reaches everybody's: there no role is out of the broker's hands.
const [version] = postgresVersions;

describe(`orphans at ${version?.label}`, { skip: version?.skip ?? false }, () => {
  test('that somebody else made, or granted to, keep nobody else standing; what can be contained is', async (t) => {
    const core = await BrokerCore.start(t);
    const target = await postgresTarget(t);
    const provider = target.provider();
    const foreign = `stint_${brokerName}_${'0'.repeat(26)}`;
    await target.admin(
      `CREATE ROLE rival LOGIN CREATEROLE; SET SESSION AUTHORIZATION rival; CREATE ROLE ${foreign} LOGIN`,
    );
    const made: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { lease } = newIntent(provider, { now: Date.now() });
      const place = { resource: demoResource, profile: readProfile };
      await provider.create(lease, place, new AbortController().signal);
      made.push(lease.entityName);
    }
    const granted = made.toSorted()[0] ?? assert.fail();
    await target.admin(`CREATE TABLE owned (); GRANT SELECT ON owned TO ${granted}`);
    const { clock, log } = core;
    const { grants: store, ledger } = core.store;
    const providers = new Map([[provider.name, provider]]);
    const sweeper = new SweepOrphans({ providers, store, ledger, clock, log });

    let removed = 0;
    for (let pass = 0; pass < 5; pass++) removed += await sweeper.sweep();

    assert.equal(removed, 2);
    const left = await target.admin(
      `SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname LIKE 'stint_${brokerName}_%' ORDER BY rolname`,
    );
    assert.deepEqual(
      left.map(({ rolname, rolcanlogin }) => [rolname, rolcanlogin]),
      [
        [foreign, true],
        [granted, false],
      ],
    );
    const removals = (await core.events()).filter(({ type }) => type === 'target.orphan_removed');
    assert.deepEqual(
      removals.map(({ data }) => data['entity_name']).toSorted(),
      made.filter((name) => name !== granted).toSorted(),
    );
    const said = core.logText().split('\n');
    for (const code of ['"42501:admin"', '"2BP01:a.pg_class=1"'])
      assert.equal(
        said.filter((line) => line.includes(`"code":${code}`) && line.includes('"todo"')).length,
        1,
      );
    assert.match(core.logText(), /"code":"42501:admin".*"remedy":"as a superuser at the target: GRANT /);

    await target.admin(`REVOKE SELECT ON owned FROM ${granted}; DROP ROLE ${foreign}`);
    core.clock.advance(3_600_000);
    assert.equal(await sweeper.sweep(), 1);
    assert.deepEqual(await provider.listEntities(new AbortController().signal), []);
  });
});

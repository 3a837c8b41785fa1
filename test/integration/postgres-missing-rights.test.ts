import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { ProviderFailure } from '../../services/broker/app/ports/provider.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import type { PostgresProvider } from '../../services/broker/providers/postgres/provider.ts';
import {
  demoResource,
  loginWith,
  newIntent,
  type PostgresTarget,
  postgresTarget,
  postgresVersions,
  readProfile,
} from '../harness/postgres-target.ts';
import { suiteScope } from '../harness/suite-scope.ts';

const { signal } = new AbortController();

/** A right that the broker needs and has lost, and what is done at the target for its lack all the same. */
type Loss = {
  readonly what: string;
  readonly lose: (role: string) => string;
  readonly code: string;
  /** Versions where the right is one of its own. */
  readonly from: number;
  readonly sessionsCut: boolean;
  readonly canLogIn: boolean;
  readonly inGroup: boolean;
};

const losses: readonly Loss[] = [
  {
    what: 'CREATEROLE',
    lose: () => 'ALTER ROLE stint_broker NOCREATEROLE',
    code: '42501:createrole',
    from: 15,
    sessionsCut: true,
    canLogIn: true,
    inGroup: false,
  },
  {
    what: "the administration of the lease's role",
    lose: (role) => `REVOKE ${role} FROM stint_broker`,
    code: '42501:admin',
    from: 16,
    sessionsCut: true,
    canLogIn: true,
    inGroup: false,
  },
  {
    what: 'pg_signal_backend',
    lose: () => 'REVOKE pg_signal_backend FROM stint_broker',
    code: '42501:signal',
    from: 15,
    sessionsCut: false,
    canLogIn: false,
    inGroup: false,
  },
  {
    what: 'power over a role that became a superuser',
    lose: (role) => `ALTER ROLE ${role} SUPERUSER`,
    code: '42501:superuser',
    from: 15,
    sessionsCut: false,
    canLogIn: true,
    inGroup: false,
  },
  {
    what: 'power over a group that became a superuser',
    lose: () => `ALTER ROLE ${readProfile.settings['groupRole']} SUPERUSER`,
    code: '42501:group',
    from: 15,
    sessionsCut: true,
    canLogIn: false,
    inGroup: true,
  },
];

for (const version of postgresVersions) {
  describe(`a broker that lost a right on ${version.label}`, { skip: version.skip }, () => {
    const scope = suiteScope();
    const major = Number(version.label.split(' ')[1]);
    let postgres: PostgresTarget;
    let provider: PostgresProvider;
    before(async () => {
      postgres = await postgresTarget(scope, { version });
      provider = postgres.provider();
    });

    const stateOf = async ({ entityName, handle }: Lease) => {
      const [row] = await postgres.admin(`SELECT rolcanlogin AS "canLogIn",
        EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS "inGroup",
        NOT EXISTS (SELECT FROM pg_stat_activity WHERE usesysid = ${handle['oid']}) AS "sessionsCut"
        FROM pg_roles r WHERE rolname = '${entityName}'`);
      return row;
    };

    for (const { what, lose, code, from, ...left } of losses) {
      if (major < from) continue;
      test(`without ${what} it cuts what it may, names the right, and the SQL it gives lets the lease end`, async () => {
        const { lease: intent } = newIntent(provider, { now: Date.now(), action: readProfile.name });
        const place = { resource: demoResource, profile: readProfile };
        const { credential, handle } = await provider.create(intent, place, signal);
        const lease = { ...intent, handle };
        const open = await loginWith(credential);
        open.on('error', () => undefined); // cut by the server: what this test is about
        await postgres.admin(lose(lease.entityName));

        const failure = await provider.contain(lease, signal).catch((thrown: unknown) => thrown);
        assert.ok(failure instanceof ProviderFailure);
        assert.deepEqual([failure.kind, failure.code], ['blocked', code]);
        // On 15 whoever takes somebody into a group needs CREATEROLE, and so does whoever puts him out.
        const inGroup = code === '42501:createrole' && major < 16 ? true : left.inGroup;
        assert.deepEqual(await stateOf(lease), { ...left, inGroup });

        const remedy = failure.remedy ?? '';
        const [, sql = assert.fail(remedy)] = /^as a superuser at the target: (.+)$/.exec(remedy) ?? [];
        await postgres.admin(sql);
        const proof = await provider.remove(lease, signal);
        assert.equal(proof['role_absent'], true);
        await open.end().catch(() => undefined);
      });
    }
  });
}

import { before, describe } from 'node:test';
import type { Credential } from '../../services/broker/app/ports/provider.ts';
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
import { type TargetSession, type TargetUnderTest, targetProviderContract } from './provider.ts';

for (const version of postgresVersions) {
  describe(`postgres provider on ${version.label}`, { skip: version.skip }, () => {
    const scope = suiteScope();
    let target: TargetUnderTest;
    before(async () => {
      const postgres = await postgresTarget(scope, { version });
      const provider = postgres.provider();
      target = {
        provider,
        place: { resource: demoResource, profile: readProfile },
        now: () => Date.now(),
        newIntent: () => newIntent(provider, { now: Date.now() }),
        login: (credential) => login(credential, postgres),
        exists: async (name) =>
          (await postgres.admin(`SELECT FROM pg_roles WHERE rolname = '${name}'`)).length === 1,
      };
    });
    targetProviderContract(() => target);
  });
}

async function login(credential: Credential, { admin }: PostgresTarget): Promise<TargetSession> {
  const client = await loginWith(credential);
  const group = readProfile.settings['groupRole'];
  return {
    doAllowed: () => client.query('SELECT * FROM orders'),
    doForbidden: () => client.query('DELETE FROM orders'),
    // On 15 every lease may; from 16 on somebody else must have let it.
    entrench: async () => {
      await admin(`GRANT ${group} TO ${client.user}`);
      await client.query(`SET ROLE ${group}`);
    },
    close: () => client.end(),
  };
}

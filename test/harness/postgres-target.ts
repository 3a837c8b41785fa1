import { existsSync } from 'node:fs';
import { newId } from '@stint/common/ids.ts';
import { Secret } from '@stint/common/secret.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { type Clock, systemClock } from '@stint/common/time.ts';
import pg from 'pg';
import { demoDatabase, prepareDemoDatabase } from '../../deploy/demo/demo-database.ts';
import { type PostgresPaths, postgresPaths } from '../../deploy/tools.ts';
import type { Credential, Provider } from '../../services/broker/app/ports/provider.ts';
import type { Grant } from '../../services/broker/domain/grant.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import type { Profile, Resource } from '../../services/broker/domain/registry.ts';
import { postgresConfig } from '../../services/broker/providers/postgres/config.ts';
import { PostgresProvider } from '../../services/broker/providers/postgres/provider.ts';
import { adminQuery } from './admin-query.ts';
import { type ScratchPostgres, scratchPostgres } from './scratch-servers.ts';
import type { Scope } from './temp-dir.ts';

/** A version of PostgreSQL that tests run against, or why it cannot here. */
export type PostgresVersion = {
  readonly label: string;
  readonly programs: PostgresPaths | undefined;
  readonly skip: false | string;
};

const debian15 = '/usr/lib/postgresql/15';

/** PostgreSQL 18 from npm, whose CREATEROLE is limited, and Debian's 15, whose is not. */
export const postgresVersions: readonly PostgresVersion[] = [
  version('PostgreSQL 18', postgresPaths(), 'no PostgreSQL for this system; run "npm run setup"'),
  version(
    'PostgreSQL 15',
    existsSync(`${debian15}/bin/postgres`)
      ? { directory: debian15, initdb: `${debian15}/bin/initdb`, postgres: `${debian15}/bin/postgres` }
      : undefined,
    `no ${debian15}; install the Debian package postgresql-15`,
  ),
];

function version(label: string, programs: PostgresPaths | undefined, missing: string): PostgresVersion {
  return { label, programs, skip: programs === undefined ? `NOT TESTED: ${missing}` : false };
}

/** The name of the broker in these tests. */
export const brokerName = 'test_1';

/** A running PostgreSQL set up as the demo's target, and providers for it. */
export type PostgresTarget = {
  readonly server: ScratchPostgres;
  /** The password of the broker's role at the target. */
  readonly brokerPassword: Secret;
  /** As {@link adminQuery}, in the demo's database unless another is named. */
  admin(text: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  /** A provider of its own; `place` puts something before the server, such as a fault proxy. Closed at the scope's end. */
  provider(options?: {
    /** Whose provider it is: `brokerName`, unless another one that shares the target. */
    readonly broker?: string;
    readonly place?: { readonly host: string; readonly port: number };
    readonly clock?: Clock;
    readonly settings?: Readonly<Record<string, string>>;
  }): PostgresProvider;
};

export async function postgresTarget(
  scope: Scope,
  options: {
    readonly version?: PostgresVersion;
    readonly settings?: Readonly<Record<string, string>>;
    readonly isDurable?: boolean;
  } = {},
): Promise<PostgresTarget> {
  const undo: (() => Promise<void>)[] = [];
  const { programs } = options.version ?? {};
  const server = await scratchPostgres(scope, {
    isDurable: options.isDurable ?? false,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(programs === undefined ? {} : { programs }),
  });
  scope.after(async () => {
    for (const step of undo) await step();
  });
  const { host, port, superuser } = server.current();
  const brokerPassword = new Secret("the broker's own password");
  await prepareDemoDatabase({
    host,
    port,
    superuser,
    superuserPassword: server.password,
    brokerRole: 'stint_broker',
    brokerPassword,
  });
  return {
    server,
    brokerPassword,
    admin: (text, database = demoDatabase.database) =>
      adminQuery({ server: server.current(), password: server.password, database }, text),
    provider: ({ place, clock = systemClock, settings, broker = brokerName } = {}) => {
      const config = postgresConfig({
        settings: { host, port: String(place?.port ?? port), sslmode: 'disable', ...settings },
        password: brokerPassword,
        ca: undefined,
      });
      const provider = new PostgresProvider({
        name: 'demo-postgres',
        brokerName: broker,
        config,
        clock,
      });
      undo.push(() => provider.close());
      return provider;
    },
  };
}

function profile(name: string, groupRole: string): Profile {
  return {
    name,
    ttlSecondsDefault: 300,
    ttlSecondsMax: 3_600,
    maxLivePerIdentity: 5,
    settings: { groupRole },
  };
}

export const readProfile = profile('read', demoDatabase.readRole);
export const writeProfile = profile('write', demoDatabase.writeRole);

/** The demo database as the registry has it. */
export const demoResource: Resource = {
  id: 'demo-db',
  kind: 'database',
  environment: 'dev',
  owner: 'team:demo',
  labels: [],
  provider: 'demo-postgres',
  target: { database: demoDatabase.database },
  profiles: [readProfile, writeProfile],
};

/** A grant and its intent, as the broker would have committed them at this moment. */
export function newIntent(
  provider: Provider,
  options: { readonly now: number; readonly action?: string; readonly ttlMs?: number },
): { readonly grant: Grant; readonly lease: Lease } {
  const { now, action = 'read', ttlMs = 300_000 } = options;
  const spiffeId = parseSpiffeId('spiffe://stint.local/ci/demo');
  const leaseId = newId('lease', now);
  const grant: Grant = {
    id: newId('grant', now),
    requestId: newId('request', now),
    idempotencyKey: leaseId,
    bodySha256: '00'.repeat(32),
    spiffeId,
    resource: demoResource.id,
    action,
    justification: 'a test',
    context: {},
    parameters: {},
    state: 'active',
    decidedAt: now,
    expiresAt: now + ttlMs,
    ruleIds: ['rule'],
    policySha256: '00'.repeat(32),
    clampedBy: [],
  };
  const lease: Lease = {
    id: leaseId,
    grantId: grant.id,
    spiffeId,
    provider: provider.name,
    resource: demoResource.id,
    entityName: provider.entityName(leaseId),
    state: 'intent',
    createdAt: now,
    expiresAt: now + ttlMs,
    hardExpiresAt: now + ttlMs,
    renewable: true,
    handle: {},
    attempts: 0,
  };
  return { grant, lease };
}

/** Logs in with a credential. The session's loss is expected in these tests: ask the session, not an event. */
export async function loginWith(credential: Credential): Promise<pg.Client> {
  if (credential.kind !== 'database') throw new Error('not a database credential');
  const { host, port, database, username: user, password } = credential;
  const client = new pg.Client({ host, port, database, user, password: password.revealText() });
  client.on('error', () => undefined); // being cut off is what most of these sessions are for
  await client.connect();
  return client;
}

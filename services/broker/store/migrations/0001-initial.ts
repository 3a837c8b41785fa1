import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ColumnTypes } from './column-types.ts';

const grantStates = ['active', 'ending', 'completed', 'revoked', 'expired', 'failed'];
const leaseStates = ['intent', 'active', 'unknown', 'revoking', 'contained', 'stuck', 'revoked', 'aborted'];

/** Grants, leases, the outbox, how far each broker's log has come, and join tokens. */
export function initial(types: ColumnTypes): Migration {
  return {
    async up(database: Kysely<unknown>): Promise<void> {
      for (const table of [grants, leases, outbox, brokerState, epochs, joinTokens])
        await table(database, types).execute();
      for (const index of indexes) await sql.raw(index).execute(database);
    },
  };
}

type Table = (database: Kysely<unknown>, types: ColumnTypes) => CreateTableBuilder<string, string>;

const grants: Table = (database, { text, whole, strict }) =>
  database.schema
    .createTable('grants')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('request_id', text, (column) => column.notNull())
    .addColumn('idempotency_key', text, (column) => column.notNull())
    .addColumn('body_sha256', text, (column) => column.notNull())
    .addColumn('spiffe_id', text, (column) => column.notNull())
    .addColumn('resource', text, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('justification', text, (column) => column.notNull())
    .addColumn('context', text, (column) => column.notNull())
    .addColumn('parameters', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull().check(oneOf('state', grantStates)))
    .addColumn('decided_at', whole, (column) => column.notNull())
    .addColumn('expires_at', whole, (column) => column.notNull())
    .addColumn('rule_ids', text, (column) => column.notNull())
    .addColumn('policy_sha256', text, (column) => column.notNull())
    .addColumn('clamped_by', text, (column) => column.notNull())
    .addColumn('traceparent', text)
    .addColumn('ended_at', whole)
    .addColumn('end_reason', text)
    .addUniqueConstraint('grants_one_per_key', ['spiffe_id', 'idempotency_key'])
    .addCheckConstraint('grants_end_after_decision', sql`expires_at > decided_at`)
    .addCheckConstraint('grants_live_have_no_end', sql`(ended_at is null) = (state in ('active', 'ending'))`)
    .modifyEnd(strict);

const leases: Table = (database, { text, whole, strict }) =>
  database.schema
    .createTable('leases')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('grant_id', text, (column) => column.notNull().references('grants.id').onDelete('restrict'))
    .addColumn('spiffe_id', text, (column) => column.notNull())
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('resource', text, (column) => column.notNull())
    .addColumn('entity_name', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull().check(oneOf('state', leaseStates)))
    .addColumn('created_at', whole, (column) => column.notNull())
    .addColumn('expires_at', whole, (column) => column.notNull())
    .addColumn('hard_expires_at', whole, (column) => column.notNull())
    .addColumn('renewable', whole, (column) => column.notNull().check(sql`renewable in (0, 1)`))
    .addColumn('handle', text, (column) => column.notNull())
    .addColumn('delivered_at', whole)
    .addColumn('next_attempt_at', whole)
    .addColumn('attempts', whole, (column) => column.notNull().check(sql`attempts >= 0`))
    .addColumn('end_reason', text)
    .addColumn('contained_at', whole)
    .addColumn('revoked_at', whole)
    .addColumn('last_error', text)
    .addUniqueConstraint('leases_one_per_entity', ['provider', 'entity_name'])
    .addCheckConstraint(
      'leases_live_within_their_end',
      sql`expires_at > created_at and expires_at <= hard_expires_at`,
    )
    // The row is the schedule: what is open is looked at again, what has ended is not.
    .addCheckConstraint(
      'leases_open_are_scheduled',
      sql`(next_attempt_at is null) = (state in ('revoked', 'aborted'))`,
    )
    .modifyEnd(strict);

const outbox: Table = (database, { text, whole, bytes, strict }) =>
  database.schema
    .createTable('outbox')
    .addColumn('broker', text, (column) => column.notNull())
    .addColumn('first_seq', whole, (column) => column.notNull())
    .addColumn('last_seq', whole, (column) => column.notNull())
    .addColumn('header', bytes, (column) => column.notNull())
    .addColumn('signature', bytes, (column) => column.notNull())
    .addColumn('events', bytes, (column) => column.notNull())
    .addColumn('bytes', whole, (column) => column.notNull())
    .addColumn('traceparent', text)
    .addColumn('committed_at', whole, (column) => column.notNull())
    .addPrimaryKeyConstraint('outbox_in_order', ['broker', 'first_seq'])
    .addCheckConstraint('outbox_holds_events', sql`last_seq >= first_seq`)
    .modifyEnd(strict);

const brokerState: Table = (database, { text, whole, strict }) =>
  database.schema
    .createTable('broker_state')
    .addColumn('broker', text, (column) => column.primaryKey())
    .addColumn('epoch', whole, (column) => column.notNull())
    .addColumn('seq', whole, (column) => column.notNull())
    .addColumn('batch_sha256', text, (column) => column.notNull())
    .modifyEnd(strict);

const epochs: Table = (database, { text, whole, bytes, strict }) =>
  database.schema
    .createTable('epochs')
    .addColumn('broker', text, (column) => column.notNull())
    .addColumn('epoch', whole, (column) => column.notNull())
    .addColumn('public_key', bytes, (column) => column.notNull())
    .addColumn('started_at', whole, (column) => column.notNull())
    .addPrimaryKeyConstraint('epochs_of_a_broker', ['broker', 'epoch'])
    .modifyEnd(strict);

const joinTokens: Table = (database, { text, whole, strict }) =>
  database.schema
    .createTable('join_tokens')
    .addColumn('token_sha256', text, (column) => column.primaryKey())
    .addColumn('spiffe_id', text, (column) => column.notNull())
    .addColumn('created_at', whole, (column) => column.notNull())
    .addColumn('expires_at', whole, (column) => column.notNull())
    .addColumn('spent_at', whole)
    .addColumn('spent_for_key_sha256', text)
    .addCheckConstraint(
      'join_tokens_spent_for_a_key',
      sql`(spent_at is null) = (spent_for_key_sha256 is null)`,
    )
    .modifyEnd(strict);

const indexes = [
  'create index grants_live on grants (spiffe_id, resource, action, ended_at, id) where ended_at is null',
  'create index grants_of_identity on grants (spiffe_id, id)',
  'create index grants_of_resource on grants (resource, id)',
  'create index leases_of_grant on leases (grant_id)',
  'create index leases_due on leases (next_attempt_at, state) where next_attempt_at is not null',
  'create index leases_open_at_target on leases (provider, entity_name) where next_attempt_at is not null',
  'create index leases_ended on leases (provider, expires_at) where end_reason is not null',
];

function oneOf(column: string, values: readonly string[]) {
  return sql<boolean>`${sql.ref(column)} in (${sql.join(values.map((value) => sql.lit(value)))})`;
}

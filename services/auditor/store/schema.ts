import { type Generated, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The log's tables. Hashes and keys are raw bytes, but for `batch_sha256`, which is hex as in headers. Times are in ms. */
export type Schema = {
  records: {
    idx: number;
    /** The leaf's hash, then those of the subtrees that it completes, lowest first, 32 bytes each. */
    hashes: Uint8Array;
    source_id: number;
    seq: number;
    event_id: string;
    type: string;
    grant_id: string | null;
    spiffe_id: string | null;
    appended_at: number;
    leaf: Uint8Array;
  };
  batches: {
    first_index: number;
    source_id: number;
    first_seq: number;
    count: number;
    epoch: number;
    batch_sha256: string;
    header: Uint8Array;
    signature: Uint8Array;
  };
  epochs: { source_id: number; epoch: number; first_seq: number; public_key: Uint8Array; chain: string };
  checkpoints: { size: number; root: Uint8Array; note: string; signed_at: number };
  /** Not part of the log: marks that move, one row a broker. They can be rebuilt from `batches` and the `log.gap_skipped` records. */
  sources: { id: Generated<number>; spiffe_id: string; seq: number; batch_sha256: string; epoch: number };
  /** Not part of the log: what was refused, for a human. */
  quarantine: {
    id: Generated<number>;
    payload_sha256: Uint8Array;
    reason: string;
    detail: string;
    subject: string;
    broker: string | null;
    first_seq: number | null;
    size_bytes: number;
    payload: Uint8Array | null;
    times: number;
    first_at: number;
    last_at: number;
    /** The record in which an operator settled it. */
    settled_index: number | null;
  };
};

/** Tables that only grow: a trigger refuses update and delete whoever asks, this program included. */
export const appendOnlyTables = ['records', 'batches', 'epochs', 'checkpoints'] as const;

const createLog: Migration = {
  up: async (db: Kysely<unknown>) => {
    for (const statement of [
      ...logTables,
      ...otherTables,
      refuseHole,
      ...appendOnlyTables.flatMap(refuseChange),
    ]) {
      await sql.raw(statement).execute(db);
    }
  },
};

const settleQuarantine: Migration = {
  up: async (db: Kysely<unknown>) => {
    await sql.raw('ALTER TABLE quarantine ADD COLUMN settled_index INTEGER').execute(db);
  },
};

/** Every migration, by name and in order. A released one never changes. */
export const migrations: Record<string, Migration> = {
  '0001-create-log': createLog,
  '0002-settle-quarantine': settleQuarantine,
};

const logTables = [
  `CREATE TABLE records (
    idx INTEGER PRIMARY KEY, hashes BLOB NOT NULL, source_id INTEGER NOT NULL, seq INTEGER NOT NULL,
    event_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, grant_id TEXT, spiffe_id TEXT,
    appended_at INTEGER NOT NULL, leaf BLOB NOT NULL, UNIQUE (source_id, seq)) STRICT`,
  'CREATE INDEX records_by_grant ON records (grant_id, idx) WHERE grant_id IS NOT NULL',
  'CREATE INDEX records_by_actor ON records (spiffe_id, idx) WHERE spiffe_id IS NOT NULL',
  `CREATE TABLE batches (
    first_index INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    epoch INTEGER NOT NULL, batch_sha256 TEXT NOT NULL, header BLOB NOT NULL, signature BLOB NOT NULL,
    UNIQUE (source_id, first_seq)) STRICT`,
  `CREATE TABLE epochs (
    source_id INTEGER NOT NULL, epoch INTEGER NOT NULL, first_seq INTEGER NOT NULL, public_key BLOB NOT NULL,
    chain TEXT NOT NULL, PRIMARY KEY (source_id, epoch)) STRICT`,
  'CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, note TEXT NOT NULL, signed_at INTEGER NOT NULL) STRICT',
];

const otherTables = [
  `CREATE TABLE sources (
    id INTEGER PRIMARY KEY, spiffe_id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, batch_sha256 TEXT NOT NULL,
    epoch INTEGER NOT NULL) STRICT`,
  `CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, payload_sha256 BLOB NOT NULL UNIQUE, reason TEXT NOT NULL, detail TEXT NOT NULL,
    subject TEXT NOT NULL, broker TEXT, first_seq INTEGER, size_bytes INTEGER NOT NULL, payload BLOB,
    times INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT`,
];

// It also keeps INSERT OR REPLACE from taking a record's place, which no trigger on DELETE would see.
const refuseHole = `CREATE TRIGGER records_refuse_hole BEFORE INSERT ON records
  WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM records)
  BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END`;

function refuseChange(table: string): string[] {
  return ['UPDATE', 'DELETE'].map(
    (change) =>
      `CREATE TRIGGER ${table}_refuse_${change.toLowerCase()} BEFORE ${change} ON ${table}
       BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END`,
  );
}

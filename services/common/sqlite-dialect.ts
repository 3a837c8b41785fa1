import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { ServiceError } from './errors.ts';

/** Statements kept prepared; above it the longest unused is forgotten, so that composed queries cannot fill memory. */
export const cachedStatementsMax = 256;
/** WAL pages before SQLite copies them back by itself. Larger than its 1 000: fewer pauses in the hot path. */
const walPagesMax = 16_000;
/** How long a statement waits for another process's lock, in milliseconds. */
const busyWaitMs = 2_000;

/** A statement in the shape that Kysely's SqliteDialect asks for. */
export type CachedStatement = {
  readonly reader: boolean;
  all(parameters: readonly unknown[]): unknown[];
  run(parameters: readonly unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  iterate(parameters: readonly unknown[]): IterableIterator<unknown>;
};

/** A query as Kysely composes it. */
export type ComposedQuery = {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
};

export type SqliteOptions = {
  /** The database file; its folder must exist. `:memory:` for a private one. */
  readonly file: string;
  /** Be the only process that holds the store: a second one is refused with STORE_IN_USE. Readers are not kept out. */
  readonly exclusive?: boolean;
  readonly readOnly?: boolean;
};

/**
 * A SQLite file opened durably (WAL, synchronous=FULL: a commit that returned survives power loss), with its prepared
 * statements kept. Give it to Kysely as `new SqliteDialect({ database })`; a hot path compiles its queries once and runs
 * them through {@link prepare} inside {@link transaction}.
 *
 * Everything is synchronous on one connection, so a `transaction` never interleaves with anything; do not open Kysely's
 * own transactions on a database that also uses it.
 */
export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync | undefined;
  readonly #statements = new Map<string, CachedStatement>();

  /** @throws ServiceError STORE_IN_USE when another process holds the file, STORE_UNAVAILABLE when it cannot be opened. */
  constructor(options: SqliteOptions) {
    this.#lock = options.exclusive === true ? holdLock(options.file) : undefined;
    try {
      this.#database = open(options);
    } catch (thrown) {
      this.#lock?.close();
      throw thrown;
    }
  }

  prepare(sql: string): CachedStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      // Moved to the end: the first key is always the longest unused.
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    const made = cachedStatement(this.#database.prepare(sql));
    this.#statements.set(sql, made);
    const oldest = this.#statements.keys().next().value;
    if (this.#statements.size > cachedStatementsMax && oldest !== undefined) this.#statements.delete(oldest);
    return made;
  }

  /** Runs a composed query at once, on this connection; what it returns, or nothing for one that only writes. */
  rows(query: ComposedQuery): unknown[] {
    const { sql, parameters } = query.compile();
    const statement = this.prepare(sql);
    if (statement.reader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  }

  /** Runs statements that return nothing: schema, pragmas. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** Runs `work` in one transaction: all of it is durable when this returns, and nothing of it when it throws. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    let result: T;
    try {
      result = work();
      this.#database.exec('COMMIT');
    } catch (thrown) {
      // SQLite has rolled back by itself after some faults (disk full, I/O); then there is nothing left to undo.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw thrown;
    }
    return result;
  }

  /** Closes the file; calling it twice is harmless. */
  close(): void {
    if (!this.#database.isOpen) return;
    this.#statements.clear();
    this.#database.close();
    this.#lock?.close();
  }
}

function open(options: SqliteOptions): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(options.file, { readOnly: options.readOnly ?? false, timeout: busyWaitMs });
    if (options.readOnly !== true) {
      database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = ${walPagesMax}`,
      );
    }
    return database;
  } catch (cause) {
    database?.close();
    throw new ServiceError('STORE_UNAVAILABLE', `store: "${options.file}" cannot be opened`, { cause });
  }
}

/**
 * Takes the lock that goes with a store: an exclusive transaction on `<file>.lock`, held for as long as the process
 * lives. The system frees it at death, however that comes, and the store itself stays readable to others.
 */
function holdLock(file: string): DatabaseSync {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${file}.lock`, { timeout: busyWaitMs });
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    if (isLocked(cause))
      throw new ServiceError('STORE_IN_USE', `store: "${file}" is in use by another process`, { cause });
    throw new ServiceError('STORE_UNAVAILABLE', `store: "${file}.lock" cannot be opened`, { cause });
  }
}

function cachedStatement(statement: StatementSync): CachedStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}

function isLocked(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'errcode' in thrown ? Number(thrown.errcode) % 256 : 0;
  return code === 5 || code === 6; // SQLITE_BUSY, SQLITE_LOCKED
}

import { type Id, idTime } from '@stint/common/ids.ts';
import { clockDifferenceMsMax } from '../../domain/clock-difference.ts';
import type { LogRecord, RecordFilter, RecordPage, RecordStore } from '../ports.ts';
import type { QueryTurns } from './query-turns.ts';

/** Records that one part of a search looks at: about 3 ms, in which nothing is appended. */
export const recordsPerPartMax = 500;

/** Parts of one call. A search that has not come to its end then says where to go on. */
export const partsPerCallMax = 40;

/** An id that has no index: a record names it in this field of its event, or it does not. */
export type NamedId = { readonly field: 'request_id' | 'lease_id'; readonly id: Id<'request' | 'lease'> };

/** What to search. `from`: as {@link RecordStore.list} has it. */
export type Search = {
  readonly from: number | undefined;
  readonly count: number;
  readonly newestFirst: boolean;
  readonly filter: RecordFilter;
  /** All of them; at least one. */
  readonly ids: readonly NamedId[];
  readonly signal: AbortSignal;
};

/**
 * Finds records that name these ids by looking at them one by one, within bounds: an index would make every append dearer
 * for what few ask. Ids tell their time, and what was appended long before is not looked at: an oldest-first search without
 * `from` begins there, and a newest-first one ends there. With a filter that has an index only its records are looked at.
 * @throws the signal's reason.
 */
export async function searchRecords(
  { store, turns }: { readonly store: RecordStore; readonly turns: QueryTurns },
  { from, count, newestFirst, filter, ids, signal }: Search,
): Promise<RecordPage> {
  // A record that names two is of neither's past.
  const madeAt = Math.max(...ids.map(({ id }) => idTime(id)));
  const earliest = firstSince(store, madeAt - clockDifferenceMsMax);
  const found: LogRecord[] = [];
  let next = from ?? (newestFirst ? undefined : earliest);
  for (let part = 0; part < partsPerCallMax; part++) {
    await turns.next();
    signal.throwIfAborted();
    const page = store.list({ from: next, count: recordsPerPartMax, newestFirst, filter });
    for (const record of page.records) {
      if (!names(record, ids)) continue;
      found.push(record);
      if (found.length === count)
        return { records: found, nextIndex: newestFirst ? record.index : record.index + 1 };
    }
    next = page.nextIndex;
    if (next === undefined || (newestFirst && next <= earliest))
      return { records: found, nextIndex: undefined };
  }
  return { records: found, nextIndex: next };
}

/** Whether the event has these ids as its own, and not somewhere in its data. Most are told apart without parsing. */
function names({ leaf }: LogRecord, ids: readonly NamedId[]): boolean {
  if (!ids.every(({ id }) => leaf.includes(id, 0, 'latin1'))) return false;
  const event = JSON.parse(leaf.toString('utf8')) as Record<string, unknown>;
  return ids.every(({ field, id }) => event[field] === id);
}

/** The first record that was appended at this time or after it; the log's size when none was. */
function firstSince(store: RecordStore, time: number): number {
  let [low, high] = [0, store.size()];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((store.record(middle)?.appendedAt ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

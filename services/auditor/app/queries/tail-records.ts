import type { CheckpointPublisher } from '../checkpoints/publish-checkpoint.ts';
import type { LogSignal } from '../log-signal.ts';
import type { LogRecord, RecordStore } from '../ports.ts';
import { cutToSize, readFilter, readIndex } from './list-records.ts';
import type { QueryTurns } from './query-turns.ts';

/** Records of one message of a tail. */
const tailPageMax = 256;

/** One message of a tail: records in order, or the newest checkpoint when it is newer than the one before, or both. */
export type TailPage = { readonly records: readonly LogRecord[]; readonly checkpoint: string };

/**
 * Gives records from an index on (absent: those to come), then new ones as they are appended, each after it is durable,
 * until `signal` aborts. Nothing is buffered: the log itself is the buffer, read at the pace of whoever asks. A reader
 * that was cut off goes on at the index after the last one it saw.
 * @throws ServiceError INVALID_FIELD.
 */
export async function* tailRecords(
  parts: {
    readonly store: Pick<RecordStore, 'list' | 'size'>;
    readonly publisher: Pick<CheckpointPublisher, 'latest'>;
    readonly signal: LogSignal;
    readonly turns: QueryTurns;
  },
  query: { fromIndex: number | undefined; typePrefix: string; signal: AbortSignal },
): AsyncGenerator<TailPage> {
  const { store, publisher, turns } = parts;
  const filter = readFilter({ typePrefix: query.typePrefix });
  let next = query.fromIndex === undefined ? store.size() : readIndex(query.fromIndex, 'from_index');
  let sentSize = 0;
  for (;;) {
    // A page may be empty and not the last, so that a tail of rare records looks at many on end.
    await turns.next();
    if (query.signal.aborted) return;
    const { changes } = parts.signal;
    const page = cutToSize(store.list({ from: next, count: tailPageMax, newestFirst: false, filter }), false);
    next = page.nextIndex ?? Math.max(next, store.size());
    const latest = publisher.latest();
    const checkpoint = latest !== undefined && latest.size > sentSize ? latest.note : '';
    if (checkpoint !== '') sentSize = latest?.size ?? sentSize;
    if (page.records.length > 0 || checkpoint !== '') yield { records: page.records, checkpoint };
    if (page.nextIndex === undefined) await parts.signal.waitPast(changes, query.signal);
  }
}

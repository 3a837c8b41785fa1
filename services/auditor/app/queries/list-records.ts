import { ServiceError } from '@stint/common/errors.ts';
import { isId } from '@stint/common/ids.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { RecordFilter, RecordPage, RecordStore } from '../ports.ts';
import type { QueryTurns } from './query-turns.ts';
import { type NamedId, searchRecords } from './search-records.ts';

/** Records of a page, by default and at most; and bytes of their leaves at most, so that an answer fits a message. */
export const pageSizeDefault = 100;
export const pageSizeMax = 1_000;
export const pageBytesMax = 2_097_152;

/** What a caller may ask; unchecked. Zero and empty mean "not set". */
export type ListQuery = {
  readonly fromIndex: number;
  readonly pageSize: number;
  readonly grantId: string;
  readonly requestId: string;
  readonly leaseId: string;
  readonly spiffeId: string;
  readonly typePrefix: string;
  readonly newestFirst: boolean;
};

/**
 * Gives one page of records. A page may be shorter than asked, even empty, while there is a next one: `nextIndex` says
 * where to go on. That nothing is missing from an answer is not proved by it: only `verify` looks at every record.
 * @throws ServiceError INVALID_FIELD; and the signal's reason.
 */
export async function listRecords(
  parts: { readonly store: RecordStore; readonly turns: QueryTurns },
  query: ListQuery,
  signal: AbortSignal,
): Promise<RecordPage> {
  if (query.pageSize > pageSizeMax)
    throw invalid('page_size', `${query.pageSize} is more than ${pageSizeMax}`);
  const count = query.pageSize === 0 ? pageSizeDefault : query.pageSize;
  const { newestFirst } = query;
  const from = query.fromIndex === 0 ? undefined : readIndex(query.fromIndex, 'from_index');
  const [filter, ids] = [readFilter(query), readNamedIds(query)];
  if (ids.length > 0)
    return cutToSize(
      await searchRecords(parts, { from, count, newestFirst, filter, ids, signal }),
      newestFirst,
    );
  await parts.turns.next();
  signal.throwIfAborted();
  return cutToSize(parts.store.list({ from, count, newestFirst, filter }), newestFirst);
}

/** Reads a filter. @throws ServiceError INVALID_FIELD. */
export function readFilter(query: {
  readonly grantId?: string;
  readonly spiffeId?: string;
  readonly typePrefix?: string;
}): RecordFilter {
  const { grantId = '', spiffeId = '', typePrefix = '' } = query;
  if (grantId !== '' && !isId('grant', grantId)) throw invalid('grant_id', 'it is not a grant id');
  if (!/^[a-z_.]{0,64}$/.test(typePrefix))
    throw invalid('type_prefix', 'it is not the beginning of an event type');
  return {
    ...(grantId === '' ? {} : { grantId }),
    ...(spiffeId === '' ? {} : { spiffeId: parseSpiffeId(spiffeId, 'spiffe_id') }),
    ...(typePrefix === '' ? {} : { typePrefix }),
  };
}

function readNamedIds({ requestId, leaseId }: ListQuery): NamedId[] {
  const ids: NamedId[] = [];
  if (isId('request', requestId)) ids.push({ field: 'request_id', id: requestId });
  else if (requestId !== '') throw invalid('request_id', 'it is not a request id');
  if (isId('lease', leaseId)) ids.push({ field: 'lease_id', id: leaseId });
  else if (leaseId !== '') throw invalid('lease_id', 'it is not a lease id');
  return ids;
}

/** Reads a position. @throws ServiceError INVALID_FIELD. */
export function readIndex(index: number, field: string): number {
  if (!Number.isSafeInteger(index) || index < 0) throw invalid(field, 'it is not a position in the log');
  return index;
}

/** Leaves out what would make the answer too large; the next page begins with it. */
export function cutToSize(page: RecordPage, newestFirst: boolean): RecordPage {
  let bytes = 0;
  const fitting = page.records.findIndex((record, i) => {
    bytes += record.leaf.length;
    return i > 0 && bytes > pageBytesMax;
  });
  const first = page.records[fitting];
  if (first === undefined) return page;
  return { records: page.records.slice(0, fitting), nextIndex: newestFirst ? first.index + 1 : first.index };
}

function invalid(field: string, fault: string): ServiceError {
  return new ServiceError('INVALID_FIELD', `${field}: ${fault}`, { metadata: { field } });
}

import { ServiceError } from '@stint/common/errors.ts';
import { isId } from '@stint/common/ids.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { RecordFilter, RecordPage, RecordStore } from './ports.ts';

/** Records of a page, by default and at most; and bytes of their leaves at most, so that an answer fits a message. */
export const pageSizeDefault = 100;
export const pageSizeMax = 1_000;
export const pageBytesMax = 2_097_152;

/** What a caller may ask; unchecked. Zero and empty mean "not set". */
export type ListQuery = {
  readonly fromIndex: number;
  readonly pageSize: number;
  readonly grantId: string;
  readonly spiffeId: string;
  readonly typePrefix: string;
  readonly newestFirst: boolean;
};

/**
 * Gives one page of records. A page may be shorter than asked, even empty, while there is a next one: `nextIndex` says
 * where to go on. That nothing is missing from an answer is not proved by it: only `verify` looks at every record.
 * @throws ServiceError INVALID_FIELD.
 */
export function listRecords(store: RecordStore, query: ListQuery): RecordPage {
  if (query.pageSize > pageSizeMax)
    throw invalid('page_size', `${query.pageSize} is more than ${pageSizeMax}`);
  const count = query.pageSize === 0 ? pageSizeDefault : query.pageSize;
  const from =
    query.newestFirst && query.fromIndex === 0 ? undefined : readIndex(query.fromIndex, 'from_index');
  return cutToSize(
    store.list({ from, count, newestFirst: query.newestFirst, filter: readFilter(query) }),
    query.newestFirst,
  );
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

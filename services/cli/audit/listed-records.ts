import type { ListRecordsResponse__Output } from '@stint/common/gen/stint/audit/v1/ListRecordsResponse.ts';
import type { Record__Output } from '@stint/common/gen/stint/audit/v1/Record.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { readEvent } from '../views/record-view.ts';

/** Which records; empty is "not set". */
export type RecordQuery = {
  readonly grant: string;
  readonly request: string;
  readonly lease: string;
  readonly identity: string;
  readonly type: string;
  readonly from?: number;
  readonly limit: number;
};

/** How far a search is: the next record to be looked at, of so many. */
export type SearchProgress = { readonly next: number; readonly size: number };

/**
 * The records asked for, in the log's order: those from an index on; of a request or a lease the first; else the newest.
 * The auditor looks for requests and leases record by record, a part of the log a call; `onProgress` hears of each.
 */
export async function listedRecords(
  auditor: GrpcChannel,
  query: RecordQuery,
  onProgress: (progress: SearchProgress) => void,
): Promise<Record__Output[]> {
  const { request: requestId, lease: leaseId, identity: spiffeId, type: typePrefix, limit, from } = query;
  const isSearch = requestId !== '' || leaseId !== '';
  const newestFirst = from === undefined && !isSearch;
  const filter = { requestId, leaseId, spiffeId, typePrefix, newestFirst };
  const found: Record__Output[] = [];
  let grantId = query.grant;
  let size: number | undefined;
  let next: number | undefined = from ?? 0;
  while (next !== undefined && found.length < limit) {
    const page: ListRecordsResponse__Output = await auditor.call(services.audit.ListRecords, {
      ...filter,
      grantId,
      fromIndex: next,
      pageSize: limit - found.length,
    });
    found.push(...page.records);
    next = page.nextIndex;
    if (next === undefined || !isSearch) continue;
    const [first] = found.map(readEvent);
    if (isRefusalOf(first, query)) break;
    grantId ||= idOf(first, 'grant_id');
    size ??= (await auditor.call(services.audit.GetStatus, {})).size;
    onProgress({ next, size: Math.max(size, next) });
  }
  return newestFirst ? found.reverse() : found;
}

/** A refusal is all that there is of its request. */
function isRefusalOf(event: ReturnType<typeof readEvent>, { request }: RecordQuery): boolean {
  return request !== '' && event?.['type'] === 'access.denied';
}

/** A request and a lease are of one grant: once it is known, its records are found by their index. */
function idOf(event: ReturnType<typeof readEvent>, field: string): string {
  const id = event?.[field];
  return typeof id === 'string' ? id : '';
}

import { ServiceError } from '@stint/common/errors.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { Grant } from '../../domain/grant.ts';
import type { GrantStore } from '../ports/grant-store.ts';

/** Grants of a page, by default and at most. */
const pageSizeDefault = 50;
const pageSizeMax = 500;

/** Which grants. A `pageSize` of 0 is the default. */
export type GrantQuery = Omit<Parameters<GrantStore['listGrants']>[0], 'limit'> & {
  readonly pageSize: number;
};

/** A page, and the last grant of it when there are more: the next page is `before` that one. */
export type GrantPage = { readonly grants: readonly Grant[]; readonly last: GrantId | undefined };

/**
 * Gives one page of grants, newest first.
 * @throws ServiceError INVALID_FIELD when the page is too large.
 */
export async function listGrants(
  store: Pick<GrantStore, 'listGrants'>,
  { pageSize, ...filter }: GrantQuery,
): Promise<GrantPage> {
  if (pageSize > pageSizeMax) {
    throw new ServiceError('INVALID_FIELD', `page_size: ${pageSize} is above ${pageSizeMax}`, {
      metadata: { field: 'page_size', limit: String(pageSizeMax) },
    });
  }
  const count = pageSize === 0 ? pageSizeDefault : pageSize;
  const found = await store.listGrants({ ...filter, limit: count + 1 });
  const grants = found.slice(0, count);
  return { grants, last: found.length > count ? grants.at(-1)?.id : undefined };
}

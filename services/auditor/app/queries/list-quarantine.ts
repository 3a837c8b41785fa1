import { ServiceError } from '@stint/common/errors.ts';
import type { QuarantinedMessage, QuarantineStore } from '../ports.ts';

/** Messages of a page, by default and at most. */
const pageSizeDefault = 100;
const pageSizeMax = 500;

/** Which refused messages; a `pageSize` of 0 is the default. */
export type QuarantineQuery = {
  readonly fromId: number;
  readonly pageSize: number;
  readonly includeSettled: boolean;
};

/** A page and the id with which the next one begins, when there is one. */
export type QuarantinePage = {
  readonly messages: readonly QuarantinedMessage[];
  readonly nextId: number | undefined;
};

/**
 * Gives one page of refused messages, by id.
 * @throws ServiceError INVALID_FIELD when the page is too large.
 */
export function listQuarantine(
  { quarantine }: { readonly quarantine: Pick<QuarantineStore, 'list'> },
  { fromId, pageSize, includeSettled }: QuarantineQuery,
): QuarantinePage {
  if (pageSize > pageSizeMax)
    throw new ServiceError('INVALID_FIELD', `page_size: ${pageSize} is more than ${pageSizeMax}`, {
      metadata: { field: 'page_size' },
    });
  const count = pageSize === 0 ? pageSizeDefault : pageSize;
  const found = quarantine.list({ fromId, count: count + 1, includeSettled });
  return { messages: found.slice(0, count), nextId: found[count]?.id };
}

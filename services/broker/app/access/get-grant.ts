import { ServiceError } from '@stint/common/errors.ts';
import type { GrantId } from '@stint/common/ids.ts';
import type { GrantAndLeases } from '../ending/end-grant.ts';
import type { GrantStore } from '../ports/grant-store.ts';

/**
 * Gives a grant, whoever holds it: for the operator, to whom every grant is visible.
 * @throws ServiceError GRANT_NOT_FOUND.
 */
export async function getGrant(store: Pick<GrantStore, 'findGrant'>, id: GrantId): Promise<GrantAndLeases> {
  const found = await store.findGrant(id);
  if (found !== undefined) return found;
  throw new ServiceError('GRANT_NOT_FOUND', `grant "${id}" does not exist`, { metadata: { grant_id: id } });
}

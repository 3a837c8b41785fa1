import { ServiceError } from '@stint/common/errors.ts';
import { isOutOfRoom } from '@stint/common/out-of-room.ts';

/** When a refused caller may come again, in milliseconds. */
const retryAfterMs = 1_000;

/** What callers are told of a database that is away, full or refuses us; the driver's error is its cause. */
export function unavailable(cause: unknown, what: 'commit' | 'statement'): ServiceError {
  const text = isOutOfRoom(cause)
    ? "store: no room is left on the store's disk: free some; the broker then goes on by itself"
    : `store: the ${what} failed`;
  return new ServiceError('STORE_UNAVAILABLE', text, { cause, retryAfterMs });
}

/** What a statement gives. @throws ServiceError STORE_UNAVAILABLE; see {@link unavailable}. */
export async function orUnavailable<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement;
  } catch (cause) {
    throw unavailable(cause, 'statement');
  }
}

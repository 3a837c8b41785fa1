import { ServiceError } from '@stint/common/errors.ts';

/** When a refused caller may come again, in milliseconds. */
const retryAfterMs = 1_000;

/**
 * What a statement gives.
 * @throws ServiceError STORE_UNAVAILABLE with the driver's error as its cause: the database is away, full or refuses us.
 */
export async function orUnavailable<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement;
  } catch (cause) {
    throw new ServiceError('STORE_UNAVAILABLE', 'store: the statement failed', { cause, retryAfterMs });
  }
}

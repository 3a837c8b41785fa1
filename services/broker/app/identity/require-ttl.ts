import { ServiceError } from '@stint/common/errors.ts';
import { formatDurationMs } from '@stint/common/time.ts';

/**
 * Refuses a lifetime that an operator asked for and that is out of its bounds, all in milliseconds; NaN too.
 * @throws ServiceError TTL_OUT_OF_RANGE
 */
export function requireTtl(
  ttlMs: number,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  if (ttlMs >= min && ttlMs <= max) return;
  const text = `ttl: it must be from ${formatDurationMs(min)} to ${formatDurationMs(max)}`;
  throw new ServiceError('TTL_OUT_OF_RANGE', text, {
    metadata: { field: 'ttl', min_seconds: String(min / 1_000), max_seconds: String(max / 1_000) },
  });
}

import { ServiceError } from '@stint/common/errors.ts';
import type { Clock, UnixMs } from '@stint/common/time.ts';
import type { Broker } from './ports.ts';

/** What a use case knows of the call it answers. */
export type Caller = {
  /** After this moment the caller is gone; undefined: it waits as long as it takes. */
  readonly deadline: UnixMs | undefined;
  /** Aborted when the caller is gone before that: cancelled, or its connection broke. */
  readonly signal: AbortSignal;
};

/** Longest that the broker is asked one question, in milliseconds: as long as it may take to create a credential. */
export const askMs = 30_000;

/** How long before the caller's deadline a wait is given up, in milliseconds, so that the reason still arrives; a tenth of short waits. */
const noticeMsMax = 150;

/**
 * Waits for the work as long as the caller does. The work itself goes on: others may wait for it too.
 * @throws ServiceError what the work throws; at the caller's deadline why there is no broker, if there is none, else
 * DEADLINE_EXCEEDED, also when the caller went away.
 */
export function waitFor<T>(
  work: Promise<T>,
  caller: Caller,
  parts: { readonly broker: Broker; readonly clock: Clock },
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = () =>
    reject(
      parts.broker.outage() ?? new ServiceError('DEADLINE_EXCEEDED', 'the broker did not answer in time'),
    );
  const leftMs = caller.deadline === undefined ? undefined : Math.max(0, caller.deadline - parts.clock.now());
  const timer =
    leftMs === undefined ? undefined : setTimeout(giveUp, leftMs - Math.min(noticeMsMax, leftMs / 10));
  if (caller.signal.aborted) giveUp();
  caller.signal.addEventListener('abort', giveUp, { once: true });
  work.then(resolve, reject);
  return promise.finally(() => {
    clearTimeout(timer);
    caller.signal.removeEventListener('abort', giveUp);
  });
}

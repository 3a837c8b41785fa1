import { ServiceError } from '@stint/common/errors.ts';
import type { QuarantinedMessage, QuarantineStore } from '../ports.ts';

/**
 * Gives a refused message with its bytes, which are undefined when there was no room for them.
 * @throws ServiceError RECORD_NOT_FOUND.
 */
export function getQuarantined(
  { quarantine }: { readonly quarantine: Pick<QuarantineStore, 'find' | 'payload'> },
  id: number,
): { readonly message: QuarantinedMessage; readonly payload: Buffer | undefined } {
  return { message: findQuarantined(quarantine, id), payload: quarantine.payload(id) };
}

/**
 * Gives what is known of a refused message.
 * @throws ServiceError RECORD_NOT_FOUND.
 */
export function findQuarantined(quarantine: Pick<QuarantineStore, 'find'>, id: number): QuarantinedMessage {
  const message = quarantine.find(id);
  if (message === undefined) throw new ServiceError('RECORD_NOT_FOUND', `nothing refused has number ${id}`);
  return message;
}

import { isServiceError } from '@stint/common/errors.ts';

/** What an operator is told of a store that failed: the words of a known cause, else where the cause stands. */
export function outageText(thrown: unknown): string {
  return isServiceError(thrown, 'STORE_UNAVAILABLE') ? thrown.message : 'the store failed: its log says why';
}

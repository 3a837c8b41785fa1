import assert from 'node:assert/strict';
import { type ErrorReason, isServiceError } from '@stint/common/errors.ts';

/** For `assert.rejects`: a refusal with that reason and, where one is named, about that field. */
export function refusedAs(reason: ErrorReason, field?: string): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(isServiceError(thrown), String(thrown));
    assert.equal(thrown.reason, reason, `${thrown.message} ${thrown.cause}`);
    if (field !== undefined) assert.equal(thrown.metadata['field'], field, thrown.message);
    return true;
  };
}

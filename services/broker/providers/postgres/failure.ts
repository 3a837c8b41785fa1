import { ProviderFailure } from '../../app/ports/provider.ts';

/** What was being done when the target failed. */
export type Purpose = 'connect' | 'create' | 'change' | 'end';

/**
 * The class of a driver's error, told by SQLSTATE or error number only. The driver's error itself goes no further: its
 * text may repeat what was sent. Source for the codes: PostgreSQL manual, appendix A.
 *
 * | doing | the server refused (SQLSTATE) | otherwise |
 * |---|---|---|
 * | `connect` | `blocked` for 28, 3D, 42, 0A: login or database is wrong; else `unreachable` | `unreachable`; a certificate that is not accepted: `blocked` |
 * | `create`, `change` | `definite`: the statement was rolled back | `ambiguous` |
 * | `end` | `unreachable` for what waiting mends (40, 53, 55, 57014); else `blocked` | `ambiguous` |
 *
 * Whatever the purpose, a server that shut the session down (57P), lost the outcome (40003, 08) or stumbled over itself
 * (58, XX) leaves it `ambiguous`.
 */
export function providerFailure(error: unknown, purpose: Purpose): ProviderFailure {
  if (error instanceof ProviderFailure) return error;
  const code = errorCode(error);
  const kind = failureKind(code, purpose);
  // A statement that was refused was answered; who does not let the broker in is of no more use than who is not there.
  const target = purpose === 'connect' || kind === 'ambiguous' ? 'away' : 'answers';
  return new ProviderFailure(kind, code, { target });
}

/** The SQLSTATE or error number of a driver's error; `CONNECTION_LOST` when it has neither. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{3,64}$/.test(code) ? code : 'CONNECTION_LOST';
}

function failureKind(code: string, purpose: Purpose): ProviderFailure['kind'] {
  const isSqlState = /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
  if (purpose === 'connect') {
    if (isSqlState) return /^(28|3D|42|0A)/.test(code) ? 'blocked' : 'unreachable';
    return /CERT|SIGNATURE|^ERR_SSL|^ERR_TLS/.test(code) ? 'blocked' : 'unreachable';
  }
  if (!isSqlState || /^(57P|40003|08|58|XX)/.test(code)) return 'ambiguous';
  if (purpose !== 'end') return 'definite';
  return /^(40|53|55|57014)/.test(code) ? 'unreachable' : 'blocked';
}

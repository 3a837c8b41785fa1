import { ProviderFailure } from '../../app/ports/provider.ts';

/** What was being done when the target failed. */
export type Purpose = 'connect' | 'create' | 'change' | 'end';

/** What the driver says, without any code, of a server that answers its wish for TLS with no. */
const tlsRefusedText = 'The server does not support SSL connections';

/** The code of that: never spoken to in the clear. */
const tlsRefused = 'TLS_NOT_OFFERED';

/** What the server says, as an internal error (XX000), of two changes of one role at once: this one was rolled back. */
const changedMeanwhileText = /^(tuple concurrently (updated|deleted)|could not find tuple for role \d+)$/;

/** The code of that: serialization_failure, which it is. Sent again, the same statement meets the other's outcome. */
export const changedMeanwhile = '40001';

/**
 * What keeps the broker from logging in and what mends it, by code; a name in quotes is a setting of the instance. Fixed
 * words: they go where an operator looks, in a line of 160 characters.
 */
const connectRemedies: readonly (readonly [RegExp, string])[] = [
  [/^TLS_NOT_OFFERED$/, 'the server offers no TLS: set ssl = on there, with a certificate'],
  [/^28P01$/, 'wrong password, or no such role: see "user" and "passwordFile", then restart the broker'],
  [/^28000$/, 'its pg_hba.conf refuses the login, or the role of "user" has no LOGIN'],
  [/^3D000$/, 'no such database: see "database" of the provider and of its resources'],
  [/^42501$/, "no right to connect: GRANT CONNECT ON DATABASE to the broker's role"],
  [/^53300$/, "no connection left: raise max_connections, or the CONNECTION LIMIT of the broker's role"],
  [/ALTNAME/, 'its certificate is for another name: let "host" be a name that stands in it'],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, 'its certificate is not valid now: renew it, or set the clock'],
  [/CERT|SIGNATURE/, 'nobody trusted here signed its certificate: set "caFile" to who did'],
  [/^ERR_SSL/, 'TLS could not be agreed on: the server must speak TLS 1.2 or later'],
];

/**
 * The class of a driver's error, told by SQLSTATE or error number only. The driver's error itself goes no further: its
 * text may repeat what was sent. Source for the codes: PostgreSQL manual, appendix A.
 *
 * | doing | the server refused (SQLSTATE) | otherwise |
 * |---|---|---|
 * | `connect` | `blocked` for 28, 3D, 42, 0A: login or database is wrong; else `unreachable` | `unreachable`; no TLS, a certificate that is not accepted: `blocked` |
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
  const remedy = purpose === 'connect' ? connectRemedies.find(([codes]) => codes.test(code))?.[1] : undefined;
  return new ProviderFailure(kind, code, { target, remedy });
}

/** The SQLSTATE or error number of a driver's error; `CONNECTION_LOST` when it has neither. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && error.message === tlsRefusedText) return tlsRefused;
  if (error instanceof Error && changedMeanwhileText.test(error.message)) return changedMeanwhile;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{3,64}$/.test(code) ? code : 'CONNECTION_LOST';
}

function failureKind(code: string, purpose: Purpose): ProviderFailure['kind'] {
  const isSqlState = /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code);
  if (purpose === 'connect') {
    if (isSqlState) return /^(28|3D|42|0A)/.test(code) ? 'blocked' : 'unreachable';
    return code === tlsRefused || /CERT|SIGNATURE|^ERR_SSL|^ERR_TLS/.test(code) ? 'blocked' : 'unreachable';
  }
  if (!isSqlState || /^(57P|40003|08|58|XX)/.test(code)) return 'ambiguous';
  if (purpose !== 'end') return 'definite';
  return /^(40|53|55|57014)/.test(code) ? 'unreachable' : 'blocked';
}

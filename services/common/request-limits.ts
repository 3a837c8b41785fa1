import { ServiceError } from './errors.ts';
import { formatDurationMs } from './time.ts';
import { firstUnprintable } from './unprintable.ts';

/**
 * Limits of what a request for access may declare, the same in sidecar and broker. Everything here is
 * attacker-controlled until {@link validateAccessFields} has passed it.
 * Source: the field comments of stint.broker.v1.RequestAccessRequest.
 */
export const requestLimits = {
  /** Longest justification, in UTF-8 bytes: a sentence or a link, not a document. */
  justificationBytesMax: 1_024,
  /** Most entries of `context`, and of `parameters`. */
  entriesMax: 32,
  /** Longest value of an entry, in UTF-8 bytes. */
  entryValueBytesMax: 256,
  /** Shortest and longest wanted lifetime, in milliseconds. A profile allows less, never more. */
  ttlMsMin: 1_000,
  ttlMsMax: 86_400_000,
} as const;

/** An idempotency key: long enough not to collide by accident, short enough to index. */
export const idempotencyKeyGrammar = /^[A-Za-z0-9_.:-]{8,128}$/;

const resourceGrammar = /^[\x21-\x7e]{1,128}$/;
const actionGrammar = /^[\x21-\x7e]{1,64}$/;
const entryKeyGrammar = /^[a-z][a-z0-9_.]{0,63}$/;

/** The fields of a request for access that its asker declares. */
export type AccessFields = {
  readonly idempotencyKey: string;
  readonly resource: string;
  readonly action: string;
  readonly justification: string;
  readonly context: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
  /** Wanted lifetime in milliseconds; undefined means the profile's default. */
  readonly ttlMs?: number | undefined;
};

/**
 * Checks the form of every declared field, before anything is looked up or written.
 * @throws ServiceError INVALID_FIELD naming the field and its limit; TTL_OUT_OF_RANGE for a lifetime that no profile
 * could allow.
 */
export function validateAccessFields(fields: AccessFields): void {
  requireGrammar('idempotency_key', fields.idempotencyKey, {
    grammar: idempotencyKeyGrammar,
    limit: '8 to 128 characters of A-Z a-z 0-9 _ . : -',
  });
  requireGrammar('resource', fields.resource, {
    grammar: resourceGrammar,
    limit: '1 to 128 visible ASCII characters',
  });
  requireGrammar('action', fields.action, {
    grammar: actionGrammar,
    limit: '1 to 64 visible ASCII characters',
  });
  validateText('justification', fields.justification, requestLimits.justificationBytesMax);
  validateEntries('context', fields.context);
  validateEntries('parameters', fields.parameters);
  validateTtl(fields.ttlMs);
}

/**
 * Checks a wanted lifetime; undefined is always good.
 * @throws ServiceError TTL_OUT_OF_RANGE when it is below a second (so also zero or negative) or above a day.
 */
export function validateTtl(ttlMs: number | undefined): void {
  if (ttlMs === undefined) return;
  const { ttlMsMin, ttlMsMax } = requestLimits;
  if (ttlMs >= ttlMsMin && ttlMs <= ttlMsMax) return;
  const text = `ttl: ${formatDurationMs(ttlMs)} is not within ${formatDurationMs(ttlMsMin)} and ${formatDurationMs(ttlMsMax)}`;
  throw new ServiceError('TTL_OUT_OF_RANGE', text, {
    metadata: { field: 'ttl', ttl_ms_min: String(ttlMsMin), ttl_ms_max: String(ttlMsMax) },
  });
}

function validateEntries(field: string, entries: Readonly<Record<string, string>>): void {
  const keys = Object.keys(entries);
  if (keys.length > requestLimits.entriesMax) {
    throw invalid(field, `${keys.length} entries`, `at most ${requestLimits.entriesMax} entries`);
  }
  for (const key of keys) {
    if (!entryKeyGrammar.test(key)) {
      throw invalid(field, 'a key is malformed', 'keys of a-z, then up to 63 of a-z 0-9 _ .');
    }
    validateText(`${field}.${key}`, entries[key] ?? '', requestLimits.entryValueBytesMax);
  }
}

/**
 * Checks a line of text that a person or a workload wrote.
 * @throws ServiceError INVALID_FIELD when it is too long or has a character that {@link firstUnprintable} finds.
 */
export function validateText(field: string, text: string, bytesMax: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) throw invalid(field, `${bytes} bytes`, `at most ${bytesMax} bytes`);
  const found = firstUnprintable(text);
  if (found !== undefined)
    throw invalid(
      field,
      `it has the control or invisible character ${found}`,
      'characters that show, without a line break',
    );
}

function requireGrammar(field: string, text: string, rule: { grammar: RegExp; limit: string }): void {
  if (!rule.grammar.test(text))
    throw invalid(field, text === '' ? 'it is missing' : 'it is malformed', rule.limit);
}

// The value itself stays out of the text: it may be large, and it may be a credential put into the wrong field.
function invalid(field: string, fault: string, limit: string): ServiceError {
  return new ServiceError('INVALID_FIELD', `${field}: ${fault}; it must be ${limit}`, {
    metadata: { field, limit },
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from './errors.ts';
import { type AccessFields, requestLimits, validateAccessFields } from './request-limits.ts';

const good: AccessFields = {
  idempotencyKey: 'deploy-4711',
  resource: 'demo-db',
  action: 'read',
  justification: 'nightly report für das Lager',
  context: { ticket: 'OPS-12', 'run.id': '99' },
  parameters: {},
  ttlMs: 60_000,
};

function refusal(change: Partial<AccessFields>) {
  try {
    validateAccessFields({ ...good, ...change });
    return 'accepted';
  } catch (error) {
    assert(isServiceError(error));
    return `${error.reason} ${error.metadata['field']}`;
  }
}

test('a request at every limit is accepted', () => {
  const entries = Object.fromEntries(
    Array.from({ length: requestLimits.entriesMax }, (_, i) => [`key${i}`, 'x'.repeat(256)]),
  );
  const atLimit = {
    idempotencyKey: 'k'.repeat(128),
    justification: 'j'.repeat(1_024),
    context: entries,
    parameters: entries,
  };
  assert.equal(refusal(atLimit), 'accepted');
  assert.equal(refusal({ ttlMs: 1_000 }), 'accepted');
  assert.equal(refusal({ ttlMs: 86_400_000 }), 'accepted');
  assert.equal(refusal({ ttlMs: undefined, justification: '', context: {} }), 'accepted');
});

test('each malformed field is refused by name', () => {
  const cases: readonly [Partial<AccessFields>, string][] = [
    [{ idempotencyKey: '' }, 'INVALID_FIELD idempotency_key'],
    [{ idempotencyKey: 'short' }, 'INVALID_FIELD idempotency_key'],
    [{ idempotencyKey: 'k'.repeat(129) }, 'INVALID_FIELD idempotency_key'],
    [{ idempotencyKey: 'with space' }, 'INVALID_FIELD idempotency_key'],
    [{ idempotencyKey: 'deploy-4711\n' }, 'INVALID_FIELD idempotency_key'],
    [{ resource: '' }, 'INVALID_FIELD resource'],
    [{ resource: 'demo db' }, 'INVALID_FIELD resource'],
    [{ resource: 'r'.repeat(129) }, 'INVALID_FIELD resource'],
    [{ action: '' }, 'INVALID_FIELD action'],
    [{ action: 'read\u0000' }, 'INVALID_FIELD action'],
    [{ justification: 'j'.repeat(1_025) }, 'INVALID_FIELD justification'],
    [{ justification: 'ü'.repeat(513) }, 'INVALID_FIELD justification'],
    [{ justification: 'x'.repeat(10_000_000) }, 'INVALID_FIELD justification'],
    [{ justification: 'line\nbreak' }, 'INVALID_FIELD justification'],
    [{ justification: 'esc\u001b[2J' }, 'INVALID_FIELD justification'],
    [{ justification: 'c1\u0085' }, 'INVALID_FIELD justification'],
    [{ justification: 'bidi\u202eevil' }, 'INVALID_FIELD justification'],
    [{ justification: 'INC\u200b-12' }, 'INVALID_FIELD justification'],
    [{ justification: 'INC-12\u{e0041}' }, 'INVALID_FIELD justification'],
    [{ context: { ticket: 'INC\ufe0f' } }, 'INVALID_FIELD context.ticket'],
    [{ parameters: { table: 'or\u00adders' } }, 'INVALID_FIELD parameters.table'],
    [{ context: { Ticket: 'x' } }, 'INVALID_FIELD context'],
    [{ context: { ['__proto__']: 'x' } }, 'INVALID_FIELD context'],
    [{ context: { [`k${'x'.repeat(64)}`]: 'x' } }, 'INVALID_FIELD context'],
    [{ context: { ticket: 'x'.repeat(257) } }, 'INVALID_FIELD context.ticket'],
    [{ context: { ticket: 'a\tb' } }, 'INVALID_FIELD context.ticket'],
    [{ parameters: { '': 'x' } }, 'INVALID_FIELD parameters'],
    [
      { parameters: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ''])) },
      'INVALID_FIELD parameters',
    ],
    [{ ttlMs: 0 }, 'TTL_OUT_OF_RANGE ttl'],
    [{ ttlMs: -1 }, 'TTL_OUT_OF_RANGE ttl'],
    [{ ttlMs: 999 }, 'TTL_OUT_OF_RANGE ttl'],
    [{ ttlMs: 86_400_001 }, 'TTL_OUT_OF_RANGE ttl'],
    [{ ttlMs: Number.NaN }, 'TTL_OUT_OF_RANGE ttl'],
  ];
  for (const [change, expected] of cases) assert.equal(refusal(change), expected);
});

test('a refused value never appears in the text of its refusal', () => {
  assert.throws(
    () => validateAccessFields({ ...good, resource: 'my password' }),
    (error: Error) => !error.message.includes('password'),
  );
});

test('the refusal of a character that does not show names it by its code point', () => {
  assert.throws(() => validateAccessFields({ ...good, justification: 'INC\u200b-12' }), {
    message:
      'justification: it has the control or invisible character U+200B; it must be characters that show, without a line break',
  });
});

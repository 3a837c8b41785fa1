import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventBytesMax } from '@stint/common/audit-event.ts';
import { canonicalJson } from '@stint/common/canonical-json.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import fc from 'fast-check';
import { readEvent } from './event-facts.ts';

const place = { broker: parseSpiffeId('spiffe://stint.local/stint/broker/b1'), epoch: 2, seq: 7 };
const event = {
  v: 1,
  id: 'evt_01k0000000000000000000000a',
  type: 'lease.revoked',
  time: '2026-11-22T08:00:00.000Z',
  source: place,
  actor: { kind: 'workload', spiffe_id: 'spiffe://stint.local/ci/deploy' },
  grant_id: 'grt_01k0000000000000000000000a',
  lease_id: 'lse_01k0000000000000000000000a',
  trace: { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' },
  data: { a: 1 },
};
const read = (value: unknown) => readEvent(Buffer.from(canonicalJson(value)), place);

test('an event’s facts are those it states', () => {
  const reading = read(event);
  assert.ok(reading.kind === 'event');
  assert.deepEqual(reading.facts, {
    id: event.id,
    type: event.type,
    time: Date.parse(event.time),
    grantId: event.grant_id,
    leaseId: event.lease_id,
    spiffeId: event.actor.spiffe_id,
    trace: { traceId: event.trace.trace_id, spanId: event.trace.span_id },
    data: event.data,
  });
});

test('what the log depends on is demanded', () => {
  const bad = [
    { v: 2 },
    { v: undefined },
    { id: 'evt_1' },
    { type: 'lease' },
    { type: 'Lease.revoked' },
    { time: '2026-13-22T08:00:00.000Z' },
    { time: '2026-11-22T08:00:00Z' },
    { source: { ...place, seq: 8 } },
    { source: { ...place, epoch: 1 } },
    { source: { ...place, broker: 'spiffe://stint.local/stint/broker/b2' } },
    { source: undefined },
    { data: { text: 'x'.repeat(eventBytesMax) } },
  ];
  for (const change of bad)
    assert.equal(read({ ...event, ...change }).kind, 'malformed', JSON.stringify(change).slice(0, 80));
  for (const value of [[], 'x', 1, {}]) assert.equal(read(value).kind, 'malformed');
});

test('a malformed fact that only readers use is absent, and the event is taken', () => {
  const change = {
    grant_id: 'x',
    lease_id: 7,
    actor: 'nobody',
    trace: { trace_id: '0'.repeat(32), span_id: 'b7ad6b7169203331' },
  };
  const reading = read({ ...event, ...change, type: 'some_day.new_kind' });
  assert.ok(reading.kind === 'event');
  const { grantId, leaseId, spiffeId, trace } = reading.facts;
  assert.deepEqual([grantId, leaseId, spiffeId, trace], [undefined, undefined, undefined, undefined]);
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        assert.ok(['event', 'malformed'].includes(readEvent(Buffer.from(bytes), place).kind));
      },
    ),
  );
});

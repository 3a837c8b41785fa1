import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isServiceError } from './errors.ts';
import { services } from './proto.ts';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from './proto-time.ts';

test('a moment survives the wire to the millisecond, before 1970 too', () => {
  for (const time of [0, 1, 999, 1_763_798_400_123, -1, -1_500, 253_402_300_799_999]) {
    const bytes = services.identity.RotateSvid.responseSerialize({ svid: { expiresAt: toTimestamp(time) } });
    const message = services.identity.RotateSvid.responseDeserialize(bytes);
    assert.equal(fromTimestamp(message.svid?.expiresAt), time);
  }
});

test('a duration survives, and zero is not absent', () => {
  for (const ms of [0, 1, 1_500, 86_400_000, -1_500]) {
    const bytes = services.access.RequestAccess.requestSerialize({ ttl: toDuration(ms) });
    assert.equal(fromDuration(services.access.RequestAccess.requestDeserialize(bytes).ttl), ms);
  }
});

test('absent stays absent both ways', () => {
  assert.equal(toTimestamp(undefined), null);
  assert.equal(toDuration(undefined), null);
  const bytes = services.access.RequestAccess.requestSerialize({ ttl: toDuration(undefined) });
  assert.equal(fromDuration(services.access.RequestAccess.requestDeserialize(bytes).ttl), undefined);
  assert.equal(fromTimestamp(null), undefined);
});

test('what the formats do not allow is refused by field', () => {
  const durations = [
    { seconds: 1, nanos: -1 },
    { seconds: 315_576_000_001, nanos: 0 },
    { seconds: 0, nanos: 1_000_000_000 },
    { seconds: Number.NaN, nanos: 0 },
  ];
  for (const duration of durations) {
    assert.throws(
      () => fromDuration(duration, 'ttl'),
      (thrown) => isServiceError(thrown, 'INVALID_FIELD') && thrown.metadata['field'] === 'ttl',
    );
  }
  for (const timestamp of [
    { seconds: 253_402_300_800, nanos: 0 },
    { seconds: 0, nanos: -1 },
  ]) {
    assert.throws(
      () => fromTimestamp(timestamp),
      (thrown) => isServiceError(thrown, 'INVALID_FIELD'),
    );
  }
});

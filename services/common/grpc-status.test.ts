import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type StatusObject, status as statusCode } from '@grpc/grpc-js';
import { type ErrorReason, errorReasons, ServiceError } from './errors.ts';
import {
  fromGrpcStatus,
  fromRpcStatus,
  retryAfterMsMax,
  statusDetailsTrailer,
  toGrpcStatus,
  toRpcStatus,
} from './grpc-status.ts';
import { codecs } from './proto.ts';

const caller = { unavailable: 'BROKER_UNAVAILABLE', peer: 'broker.internal:7301' } as const;
const origin = { service: 'broker', requestId: 'req_01k00000000000000000000000' };

describe('every reason', () => {
  for (const reason of Object.keys(errorReasons) as ErrorReason[]) {
    test(`${reason} crosses the wire with its code, text, facts and wait`, () => {
      const error = new ServiceError(reason, `"${reason}" happened: ünïcode 🙂`, {
        metadata: { field: 'ttl', limit: '60' },
        retryAfterMs: 1_500,
      });
      const status = toGrpcStatus(error, origin);
      assert.equal(status.code, statusCode[errorReasons[reason].code]);
      const back = fromGrpcStatus(status as StatusObject, caller);
      assert.equal(back.reason, reason);
      assert.equal(back.message, error.message);
      assert.deepEqual(back.metadata, error.metadata);
      assert.equal(back.retryAfterMs, 1_500);
    });
  }
});

test('a status carries exactly one ErrorInfo, with the service as its domain', () => {
  const [details] = toGrpcStatus(new ServiceError('GRANT_DENIED', 'no'), origin).metadata.get(
    statusDetailsTrailer,
  );
  assert.ok(Buffer.isBuffer(details));
  const message = codecs.status.decode(details);
  assert.equal(message.details.length, 1);
  assert.equal(message.details[0]?.type_url, 'type.googleapis.com/google.rpc.ErrorInfo');
  const info = codecs.errorInfo.decode(message.details[0]?.value ?? Buffer.alloc(0));
  assert.deepEqual(info, { reason: 'GRANT_DENIED', domain: 'broker.stint', metadata: {} });
});

test('an unexpected error leaves as INTERNAL with the request id and nothing of its own', () => {
  const status = toRpcStatus(new Error('connect postgres://app:hunter2@db failed'), origin);
  const bytes = codecs.status.encode(status);
  assert.equal(bytes.includes('hunter2'), false);
  assert.equal(bytes.includes('postgres'), false);
  const back = fromRpcStatus(codecs.status.decode(bytes));
  assert.equal(back.reason, 'INTERNAL');
  assert.match(back.message, new RegExp(origin.requestId));
});

test('a text that is not well-formed Unicode does not break the answer', () => {
  const status = toGrpcStatus(new ServiceError('INVALID_FIELD', 'half a pair: \ud800'), origin);
  assert.doesNotThrow(() => encodeURI(status.details));
});

test('without details the code decides, and "nobody answered" is what the caller says it is', () => {
  const bare = (code: number, details = 'x') =>
    fromGrpcStatus({ code, details } as StatusObject, { ...caller, unavailable: 'AUDIT_UNAVAILABLE' });
  assert.equal(bare(statusCode.UNAVAILABLE).reason, 'AUDIT_UNAVAILABLE');
  assert.equal(bare(statusCode.DEADLINE_EXCEEDED).reason, 'DEADLINE_EXCEEDED');
  assert.equal(
    bare(statusCode.RESOURCE_EXHAUSTED, 'Received message larger than max (5 vs 4)').reason,
    'MESSAGE_TOO_LARGE',
  );
  assert.equal(bare(statusCode.UNIMPLEMENTED).reason, 'METHOD_NOT_ALLOWED');
  assert.equal(bare(statusCode.UNKNOWN).reason, 'INTERNAL');
});

test('who did not answer is named as the caller knows it, and the words of the transport stay inside', () => {
  const text = (code: number) => {
    const { message } = fromGrpcStatus(
      { code, details: 'ECONNREFUSED 10.0.0.7:7301' } as StatusObject,
      caller,
    );
    assert.doesNotMatch(message, /10\.0\.0\.7/);
    return message;
  };
  assert.equal(
    text(statusCode.UNAVAILABLE),
    'no answer from broker.internal:7301: nobody listens there, or it is not who was expected',
  );
  assert.match(text(statusCode.DEADLINE_EXCEEDED), /^no answer from broker\.internal:7301 in time: /);
  assert.match(text(statusCode.UNIMPLEMENTED), /^broker\.internal:7301 does not know this call: /);
  assert.match(text(statusCode.UNKNOWN), /^the call to broker\.internal:7301 failed: /);
});

test('details that cannot be read, or of a reason from the future, still give an error', () => {
  const status = toGrpcStatus(new ServiceError('GRANT_DENIED', 'no'), origin);
  status.metadata.set(statusDetailsTrailer, Buffer.from('ffffffff', 'hex'));
  assert.equal(fromGrpcStatus(status as StatusObject, caller).reason, 'INTERNAL');
  const info = codecs.errorInfo.encode({ reason: 'NEW_REASON', domain: 'broker.stint' });
  const future = {
    code: statusCode.ABORTED,
    message: 'm',
    details: [{ type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: info }],
  };
  assert.equal(fromRpcStatus(future).reason, 'CONCURRENT_UPDATE');
});

const unreadable = Buffer.from('ffffff', 'hex');
const typed = (name: string, value: Buffer) => ({
  type_url: `type.googleapis.com/google.rpc.${name}`,
  value,
});

test('a detail that cannot be decoded counts as absent, and the others still count', () => {
  const retry = codecs.retryInfo.encode({ retryDelay: { seconds: 2, nanos: 0 } });
  const details = [typed('ErrorInfo', unreadable), typed('RetryInfo', retry)];
  const byCode = fromRpcStatus({ code: statusCode.ABORTED, message: 'busy', details });
  assert.deepEqual(
    [byCode.reason, byCode.message, byCode.metadata, byCode.retryAfterMs],
    ['CONCURRENT_UPDATE', 'busy', {}, 2_000],
  );
  const info = codecs.errorInfo.encode({ reason: 'RATE_LIMITED', domain: 'broker.stint' });
  const byName = fromRpcStatus({
    code: statusCode.RESOURCE_EXHAUSTED,
    message: 'busy',
    details: [typed('ErrorInfo', info), typed('RetryInfo', unreadable)],
  });
  assert.deepEqual([byName.reason, byName.retryAfterMs], ['RATE_LIMITED', undefined]);
});

test('a wait that a peer asks for is never negative and never longer than the maximum', () => {
  const waitFor = (seconds: number, nanos = 0) => {
    const value = codecs.retryInfo.encode({ retryDelay: { seconds, nanos } });
    const details = [typed('RetryInfo', value)];
    return fromRpcStatus({ code: statusCode.ABORTED, message: 'busy', details }).retryAfterMs;
  };
  assert.equal(waitFor(1, 500_999_999), 1_500);
  assert.equal(waitFor(retryAfterMsMax / 1_000), retryAfterMsMax);
  assert.equal(waitFor(retryAfterMsMax / 1_000, 1_000_000), retryAfterMsMax);
  for (const seconds of [-1, -(2 ** 53), -(2 ** 63)]) assert.equal(waitFor(seconds), 0);
  assert.equal(waitFor(0, -(2 ** 31)), 0);
  for (const seconds of [3_600, 315_576_000_001, 2 ** 62]) assert.equal(waitFor(seconds), retryAfterMsMax);
});

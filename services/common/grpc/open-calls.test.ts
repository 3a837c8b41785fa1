import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import { type CountedCall, heldBytesPerConnectionMax, OpenCalls, openCallsMax } from './open-calls.ts';

function newCall(connection = { heldBytes: 0 }): CountedCall {
  const stream = {} as ServerHttp2Stream;
  return { stream, connection, stage: 'arriving', since: 0, heldBytes: 0, answers: undefined };
}

test('calls are let in up to their bound, and again when one has ended', (t) => {
  const calls = new OpenCalls();
  t.after(() => calls.stop());
  const open = Array.from({ length: openCallsMax }, () => {
    assert.equal(calls.hasPlace, true);
    const call = newCall();
    calls.begin(call);
    calls.arrived(call);
    return call;
  });
  assert.equal(calls.hasPlace, false);
  calls.end(open[0] as CountedCall);
  assert.equal(calls.hasPlace, true);
});

test('nothing of a call is counted any more when it has ended, whatever was read of it before and after', (t) => {
  const calls = new OpenCalls();
  t.after(() => calls.stop());
  const connection = { heldBytes: 0 };
  const call = newCall(connection);
  calls.begin(call);
  calls.wrote(call, heldBytesPerConnectionMax);
  assert.equal(calls.begin(newCall(connection))?.reason, 'RATE_LIMITED');
  calls.read(call, 10);
  assert.equal(calls.begin(newCall(connection)), undefined);
  calls.answered(call, 10);
  calls.end(call);
  calls.read(call, heldBytesPerConnectionMax);
  assert.equal(connection.heldBytes, 0);
});

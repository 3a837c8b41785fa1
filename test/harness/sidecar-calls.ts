import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { WatchResponse__Output } from '@stint/common/gen/stint/sidecar/v1/WatchResponse.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { services } from '@stint/common/proto.ts';
import { until } from './until.ts';

const { sidecar } = services;

/** Asks a sidecar for the token of `orders-api`, unless the request says otherwise. */
export function acquire(workload: GrpcChannel, request: AcquireRequest = {}, deadlineMs = 8_000) {
  return workload.call(
    sidecar.Acquire,
    { resource: 'orders-api', action: 'read', ...request },
    { deadlineMs },
  );
}

/** A workload's Watch stream. */
export async function watch(t: TestContext, workload: GrpcChannel) {
  const controller = new AbortController();
  const events: WatchResponse__Output[] = [];
  const stream = workload.serverStream(sidecar.Watch, { name: 'test' }, { signal: controller.signal });
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })().catch((error: unknown) => error);
  t.after(() => controller.abort(new Error('test over')));
  await until('the stream is open', 10_000, () => events.length > 0);
  const sessionId = events[0]?.opened?.sessionId ?? '';
  assert.match(sessionId, /^ses_[0-9a-f]{32}$/);
  return {
    sessionId,
    events,
    end: async () => {
      controller.abort(new Error('workload gone'));
      await reading;
    },
    reading,
  };
}

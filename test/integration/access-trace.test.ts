import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Grant__Output } from '@stint/common/gen/stint/broker/v1/Grant.ts';
import { parseId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { startTelemetry, withSpan } from '@stint/common/telemetry.ts';
import { otlpCollector, otlpEnvironment } from '../harness/otlp-collector.ts';
import { readQuestion, served } from '../harness/served-sessions.ts';

const { access } = services;
const traceId = '0af7651916cd43dd8448eb211c80319c';
const askerSpanId = 'b7ad6b7169203331';
const traceparent = `00-${traceId}-${askerSpanId}-01`;

test('each question is a span of its asker’s trace, and a grant stands under its question’s, by session and by call', async (t) => {
  const { endpoint, received } = await otlpCollector(t);
  Object.assign(process.env, otlpEnvironment(endpoint));
  const telemetry = await startTelemetry('broker', process.env);
  t.after(() => telemetry.stop());
  const { core, open, channel } = await served(t);
  const spanOf = async (grant: Grant__Output | null | undefined) => {
    const found = await core.store.grants.findGrant(parseId('grant', grant?.id ?? '', 'grant_id'));
    const [, trace, span] = found?.grant.traceparent?.split('-') ?? [];
    assert.equal(trace, traceId);
    return span;
  };

  const client = await open();
  const bySession = (await client.ask({ ...readQuestion(core), traceparent })).access;
  const leaseId = bySession?.lease?.id ?? '';
  await client.ask({ renewLease: { leaseId, ttl: toDuration(600_000) }, traceparent });
  await client.ask({ completeGrant: { grantId: bySession?.grant?.id ?? '' }, traceparent });
  const sessionSpan = await spanOf(bySession?.grant);

  const calling = await channel();
  const { requestAccess: question } = readQuestion(core);
  const byCall = await withSpan('work', { parent: traceparent }, () =>
    calling.call(access.RequestAccess, question ?? {}),
  );
  const callSpan = await spanOf(byCall.grant);

  await telemetry.stop();
  const answered = received.spans.filter(({ kind }) => kind === 2);
  const named = (name: string) => answered.find((span) => span.name === name);
  for (const name of ['stint.request_access', 'stint.renew_lease', 'stint.complete_grant'])
    assert.equal(named(name)?.parentSpanId, askerSpanId, name);
  assert.equal(sessionSpan, named('stint.request_access')?.spanId);
  assert.equal(callSpan, named('stint.broker.v1.AccessService/RequestAccess')?.spanId);
});

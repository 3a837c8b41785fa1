import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorReason, isServiceError } from '@stint/common/errors.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { refusalsPerIdentity } from '../../services/broker/app/access/refusal-rate.ts';
import { BrokerCore, bySession, deployer, reader, refusalOf, suspended } from '../harness/broker-core.ts';
import { until } from '../harness/until.ts';

const stranger = parseSpiffeId('spiffe://stint.local/stranger');

describe('a refusal', () => {
  const recorded: readonly [ErrorReason, Parameters<BrokerCore['question']>[0], typeof reader][] = [
    ['IDENTITY_UNKNOWN', {}, stranger],
    ['IDENTITY_SUSPENDED', {}, suspended],
    ['RESOURCE_NOT_FOUND', { resource: 'nothing' }, reader],
    ['PROFILE_NOT_FOUND', { action: 'drop' }, reader],
    ['GRANT_DENIED', { action: 'write' }, reader],
    ['TTL_OUT_OF_RANGE', { ttlMs: 3_600_001 }, reader],
  ];
  for (const [reason, overrides, spiffeId] of recorded) {
    test(`${reason} is on record before it is told, under the id that it is told with, and nothing else is written`, async (t) => {
      const core = await BrokerCore.start(t);
      const question = core.question(overrides);
      const refusal = await refusalOf(
        core.request.execute(core.asker(spiffeId), question, bySession),
        reason,
      );
      const [event, ...more] = await core.events();
      assert.deepEqual(more, []);
      assert.equal(event?.type, 'access.denied');
      assert.equal(event?.request_id, refusal.metadata['request_id']);
      assert.deepEqual(event?.actor, {
        kind: 'workload',
        spiffe_id: spiffeId,
        svid_sha256: 'c'.repeat(64),
      });
      const { data } = event ?? {};
      assert.equal(data?.['reason'], reason);
      assert.equal(data?.['resource'], question.resource);
      assert.equal(data?.['justification'], 'nightly report');
      assert.deepEqual(await core.store.grants.listGrants({ liveOnly: false, limit: 10 }), []);
      assert.deepEqual(core.target.entities(), []);
      assert.equal(core.target.calls.create, 0);
    });
  }

  test('of a mistyped name says which one was most likely meant', async (t) => {
    const core = await BrokerCore.start(t);
    const resource = await refusalOf(core.askRead({ resource: 'slaes' }), 'RESOURCE_NOT_FOUND');
    assert.match(resource.message, /"slaes" is not registered; did you mean "sales"\?/);
    const action = await refusalOf(core.askRead({ action: 'raed' }), 'PROFILE_NOT_FOUND');
    assert.match(action.message, /it has .*; did you mean "read"\?/);
  });

  test("of policy names the rules and their words, and the bundle's hash", async (t) => {
    const core = await BrokerCore.start(t);
    const refusal = await refusalOf(core.askRead({ action: 'write' }), 'GRANT_DENIED');
    assert.match(refusal.message, /nobody writes/);
    assert.equal(refusal.metadata['rule_ids'], 'never-write');
    const [event] = await core.events();
    assert.deepEqual(event?.data['rule_ids'], ['never-write']);
    assert.deepEqual(event?.data['reasons'], ['nobody writes']);
    assert.equal(event?.data['policy_sha256'], 'f'.repeat(64));
  });

  test('for a quota is on record', async (t) => {
    const core = await BrokerCore.start(t);
    for (let i = 0; i < 3; i++) await core.askRead();
    const refusal = await refusalOf(core.askRead(), 'QUOTA_EXCEEDED');
    assert.equal(refusal.retryAfterMs, 5_000);
    const last = (await core.events()).at(-1);
    assert.equal(last?.type, 'access.denied');
    assert.equal(last?.data['reason'], 'QUOTA_EXCEEDED');
    assert.equal(last?.request_id, refusal.metadata['request_id']);
    assert.equal(core.target.entities().length, 3);
  });

  test('of malformed fields writes nothing at all', async (t) => {
    const core = await BrokerCore.start(t);
    for (const fault of [
      { idempotencyKey: 'short' },
      { resource: '' },
      { action: 'a b' },
      { justification: 'two\nlines' },
      { justification: 'x'.repeat(10_000_000) },
      { context: { 'Not a key': '' } },
      { parameters: { key: '\u202e' } },
    ])
      await refusalOf(core.askRead(fault), 'INVALID_FIELD');
    for (const ttlMs of [0, -1, 999, 86_400_001, Number.NaN])
      await refusalOf(core.askRead({ ttlMs }), 'TTL_OUT_OF_RANGE');
    assert.deepEqual(await core.events(), []);
  });

  test('is not told when its record cannot be written', async (t) => {
    const core = await BrokerCore.start(t);
    await core.store.close();
    await refusalOf(core.askRead({ action: 'write' }), 'SHUTTING_DOWN');
    await core.crash();
    assert.deepEqual(await core.events(), []);
  });

  test("beyond the identity's rate is counted in its next record, tells nothing of policy, and hinders nobody", async (t) => {
    const core = await BrokerCore.start(t);
    const { burst, intervalMs } = refusalsPerIdentity;
    const over = 5;
    const ask = (i: number) => core.askRead(i % 2 === 0 ? { action: 'write' } : { resource: 'nothing' });
    const settled = await Promise.allSettled(Array.from({ length: burst + over }, (_, i) => ask(i)));
    const limited = settled.flatMap(({ status, ...rest }) =>
      'reason' in rest && isServiceError(rest.reason, 'RATE_LIMITED') ? [rest.reason] : [],
    );
    assert.equal(limited.length, over);
    const words = new Set(limited.map(({ message, metadata }) => JSON.stringify({ message, metadata })));
    assert.equal(words.size, 1, 'policy and registry refuse in the same words');
    assert.deepEqual(
      limited.map(({ retryAfterMs }) => retryAfterMs),
      Array.from({ length: over }, () => intervalMs),
    );
    assert.equal((await core.events()).length, burst);
    await core.askRead();
    const other = core.question({ resource: 'nothing' });
    await refusalOf(core.request.execute(core.asker(deployer), other, bySession), 'RESOURCE_NOT_FOUND');
    assert.equal((await core.events()).at(-1)?.data['unrecorded'], undefined);

    core.clock.advance(intervalMs);
    await refusalOf(ask(0), 'GRANT_DENIED');
    assert.equal((await core.events()).at(-1)?.data['unrecorded'], over);
    core.clock.advance(intervalMs);
    await refusalOf(ask(0), 'GRANT_DENIED');
    assert.equal((await core.events()).at(-1)?.data['unrecorded'], undefined, 'it is told once');
  });
});

describe('a full audit backlog', () => {
  test('refuses every new question without a word on record, and endings go on', async (t) => {
    const core = await BrokerCore.start(t, { limits: { eventsMax: 6 } });
    const { grant } = await core.takeRead();
    const { grant: token } = await core.askDeploy();
    await core.askDeploy();
    await core.askDeploy();
    await refusalOf(core.askDeploy(), 'AUDIT_UNAVAILABLE');
    await refusalOf(core.askRead({ action: 'write' }), 'AUDIT_UNAVAILABLE');
    const before = (await core.events()).length;
    await core.release(grant);
    await core.release(token, { spiffeId: deployer });
    assert.deepEqual(core.target.entities(), []);
    assert.ok((await core.events()).length > before);
  });

  test('is one that is too old as well as one that is too long', async (t) => {
    const core = await BrokerCore.start(t, { limits: { ageMsMax: 60_000 } });
    await core.askDeploy();
    core.clock.advance(60_000);
    const refusal = await refusalOf(core.askDeploy(), 'AUDIT_UNAVAILABLE');
    assert.match(refusal.message, /1m old/);
    core.store.outbox.release(core.store.ledger.sequence());
    await until('the receipt is taken in', 5_000, () => core.store.ledger.backlog().events === 0);
    await core.askDeploy();
  });
});

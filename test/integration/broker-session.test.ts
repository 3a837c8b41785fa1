import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { newId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { frameMessagesMax, sessionQuestionsMax } from '@stint/common/session-limits.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import type { RequestAccess } from '../../services/broker/app/access/request-access.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import type { AccessUseCases } from '../../services/broker/rpc/access-calls.ts';
import { callsPerIdentityMax } from '../../services/broker/rpc/access-service.ts';
import { takenMax } from '../../services/broker/rpc/session.ts';
import { deployer, reader } from '../harness/broker-core.ts';
import { grantAndLease } from '../harness/ledger-entries.ts';
import { alive, readQuestion, refusal, SessionClient, served } from '../harness/served-sessions.ts';
import { until } from '../harness/until.ts';

const { access } = services;

describe('a session', () => {
  test('carries the life of a lease: asked for, acknowledged, renewed, given back', async (t) => {
    const { core, open } = await served(t);
    const client = await open();
    const { access: given } = await client.ask(readQuestion(core));
    assert.ok(given?.grant && given.lease && given.credential?.database);
    const leaseId = given.lease.id;
    assert.equal(given.grant.spiffeId, reader);
    assert.equal(given.credential.database.username, core.target.entities()[0]);
    assert.ok((await client.ask({ acknowledgeDelivery: { leaseId } })).alive);
    const { renewed } = await client.ask({ renewLease: { leaseId, ttl: toDuration(600_000) } });
    assert.ok(Math.abs(Number(renewed?.renewedAt?.seconds) - systemClock.now() / 1_000) < 60);
    assert.equal(renewed?.lease?.expiresAt?.seconds, Math.floor((core.clock.now() + 600_000) / 1_000));
    const completion = { grantId: given.grant.id, reason: 'completed', waitContained: true };
    const { completed } = await client.ask({ completeGrant: completion });
    assert.equal(completed?.grant?.state, 'completed');
    assert.equal(completed?.leases[0]?.state, 'revoked');
    assert.deepEqual(core.target.entities(), []);
  });

  test('answers each question of a frame under its id, as soon as it can, not in their order', async (t) => {
    const { core, open } = await served(t);
    const client = await open();
    const letGo = core.target.hold('create');
    const nobodys = newId('grant', core.clock.now());
    const { ids } = client.send([
      readQuestion(core),
      alive,
      { completeGrant: { grantId: nobodys } },
      { requestAccess: { resource: 'sales' } },
      alive,
    ]);
    const [slow, ...quick] = ids;
    for (const id of quick) await client.answer(id);
    refusal(await client.answer(ids[2] ?? 0), 'GRANT_NOT_FOUND');
    refusal(await client.answer(ids[3] ?? 0), 'INVALID_FIELD');
    assert.equal(
      client.messages.find(({ id }) => id === slow),
      undefined,
    );
    letGo();
    assert.ok((await client.answer(slow ?? 0)).access);
  });

  test('answers what it takes together in one frame, and takes a large frame in parts', async (t) => {
    const { open } = await served(t);
    const client = await open();
    await client.pushes(1);
    const { ids } = client.send(Array.from({ length: frameMessagesMax }, () => alive));
    await client.answer(ids.at(-1) ?? 0);
    const answering = client.frames.filter((frame) => frame.some(({ id }) => id !== 0));
    const parts = Array.from({ length: Math.ceil(ids.length / takenMax) }, (_, i) =>
      ids.slice(i * takenMax, (i + 1) * takenMax),
    );
    assert.deepEqual(
      answering.map((frame) => frame.map(({ id }) => id)),
      parts,
    );
  });

  test('ends for a question whose answer would look like a push', async (t) => {
    const { open } = await served(t);
    const client = await open();
    client.send([alive, { ...alive, id: 0 }]);
    const { failure } = await until('the end', 10_000, () => client.end);
    assert.ok(isServiceError(failure, 'INVALID_FIELD'), String(failure));
    assert.deepEqual(
      client.messages.filter(({ id }) => id !== 0),
      [],
      'nothing of its frame is answered',
    );
  });

  test('refuses what it does not know, and malformed ids, and goes on', async (t) => {
    const { open } = await served(t);
    const client = await open();
    refusal(await client.ask({}), 'INVALID_FIELD');
    for (const body of [
      { renewLease: { leaseId: 'nonsense' } },
      { completeGrant: { grantId: '' } },
      { completeGrant: { grantId: newId('grant', 1), reason: 'boredom' } },
      { acknowledgeDelivery: { leaseId: newId('grant', 1) } },
    ])
      refusal(await client.ask(body), 'INVALID_FIELD');
    assert.ok((await client.ask(alive)).alive);
  });

  test('refuses at once what is more than it has under way, and answers the rest', async (t) => {
    const gate = Promise.withResolvers<Lease>();
    const renewLease = { execute: () => gate.promise } as unknown as AccessUseCases['renewLease'];
    const { core, open } = await served(t, () => ({ renewLease }));
    const client = await open();
    const leaseId = newId('lease', core.clock.now());
    const renewals = Array.from({ length: frameMessagesMax }, () => ({ renewLease: { leaseId } }));
    const ids = Array.from(
      { length: sessionQuestionsMax / frameMessagesMax },
      () => client.send(renewals).ids,
    );
    const refused = refusal(await client.ask(alive), 'RATE_LIMITED');
    assert.equal(refused.retryAfterMs, 100);
    gate.resolve(grantAndLease(core.clock.now()).lease);
    for (const id of ids.flat()) assert.ok((await client.answer(id)).renewed);
    assert.ok((await client.ask(alive)).alive);
  });

  test('tells INTERNAL and nothing else of a fault of ours; the log has it under the id that is told', async (t) => {
    const execute = () => Promise.reject(new TypeError('the password is hunter2'));
    const renewLease = { execute } as unknown as AccessUseCases['renewLease'];
    const { core, open } = await served(t, () => ({ renewLease }));
    const client = await open();
    const leaseId = newId('lease', core.clock.now());
    const error = refusal(await client.ask({ renewLease: { leaseId } }), 'INTERNAL');
    assert.ok(!JSON.stringify([error.message, error.metadata]).includes('hunter2'));
    assert.match(core.logText(), new RegExp(error.metadata['request_id'] ?? 'no id'));
    assert.ok((await client.ask(alive)).alive);
  });
});

describe('one of Stint’s own parts', () => {
  test('holds no grants: it is refused by session and by call', async (t) => {
    const { core, channel } = await served(t);
    const auditor = await channel(parseSpiffeId('spiffe://stint.local/stint/auditor'));
    const client = new SessionClient(auditor);
    const { failure } = await until('the end', 5_000, () => client.end);
    assert.ok(isServiceError(failure, 'METHOD_NOT_ALLOWED'), String(failure));
    for (const method of [access.RequestAccess, access.CompleteGrant, access.RenewLease]) {
      await assert.rejects(auditor.call(method as typeof access.RequestAccess, {}), (thrown) =>
        isServiceError(thrown, 'METHOD_NOT_ALLOWED'),
      );
    }
    assert.deepEqual(await core.events(), []);
  });
});

test('calls without a session give the same answers, and need no acknowledgement', async (t) => {
  const { core, channel } = await served(t);
  const calls = await channel();
  const question = core.question();
  const given = await calls.call(access.RequestAccess, { ...question, ttl: toDuration(60_000) });
  assert.equal(await core.pass(10_000), 0);
  const leaseId = given.lease?.id ?? '';
  const renewed = await calls.call(access.RenewLease, { leaseId, ttl: toDuration(600_000) });
  assert.equal(renewed.lease?.id, leaseId);
  const ended = await calls.call(access.CompleteGrant, {
    grantId: given.grant?.id ?? '',
    waitContained: true,
  });
  assert.equal(ended.grant?.state, 'completed');
  assert.deepEqual(core.target.entities(), []);
});

test('one identity cannot take all unary calls: it is told when to come again, and others are served', async (t) => {
  const held = Promise.withResolvers<never>();
  const requestAccess = { execute: () => held.promise } as unknown as RequestAccess;
  const { channel } = await served(t, () => ({ requestAccess }));
  const [greedy, modest] = [await channel(reader), await channel(deployer)];
  const end = (from: GrpcChannel) => from.call(access.CompleteGrant, { grantId: newId('grant', 0) });
  const asking = Array.from({ length: callsPerIdentityMax }, () =>
    greedy.call(access.RequestAccess, {}).catch((thrown: unknown) => thrown),
  );
  await until('no place is left', 20_000, async () => {
    const refusal = await end(greedy).catch((thrown: unknown) => thrown);
    if (!isServiceError(refusal, 'RATE_LIMITED')) return undefined;
    assert.equal(refusal.retryAfterMs, 200);
    return true;
  });
  await assert.rejects(end(modest), { reason: 'GRANT_NOT_FOUND' });
  held.reject(new ServiceError('STORE_UNAVAILABLE', 'enough'));
  const ends = await Promise.all(asking);
  assert.ok(ends.every((thrown) => isServiceError(thrown, 'STORE_UNAVAILABLE', 'RATE_LIMITED')));
  await assert.rejects(end(greedy), { reason: 'GRANT_NOT_FOUND' });
});

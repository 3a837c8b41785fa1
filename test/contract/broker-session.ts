import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ErrorReason, isServiceError } from '@stint/common/errors.ts';
import type { ClientMessage } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import { newId } from '@stint/common/ids.ts';
import { frameMessagesMax } from '@stint/common/session-limits.ts';
import { alive, refusal, type SessionClient } from '../harness/served-sessions.ts';
import type { Scope } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

type Question = Omit<ClientMessage, 'id'>;

/** A broker that serves sessions. */
export type SessionsUnderTest = {
  /** Opens the session of the identity that may have both kinds of access. */
  open(): Promise<SessionClient>;
  /** The same of another one. */
  openStranger(): Promise<SessionClient>;
  /** Asks for a renewable database user, with a key of its own. */
  userQuestion(): Question;
  /** Asks for a signed token, with a key of its own. */
  tokenQuestion(): Question;
  /** Answers to questions for a database user wait from now on, until the returned function is called. */
  hold(): () => void;
};

/** What a sidecar relies on of every broker's session. Source: stint.broker.v1.AccessService.Session. */
export function brokerSessionContract(
  name: string,
  start: (scope: Scope) => Promise<SessionsUnderTest>,
): void {
  describe(`a session with ${name}`, () => {
    test('begins with a push of what to trust', async (t) => {
      const { open } = await start(t);
      const client = await open();
      const [first] = await client.pushes(1);
      assert.equal(first, client.messages[0]);
      assert.ok(first?.trustBundle?.jwks && first.trustBundle.issuer);
    });

    test('answers each question once, under its id, and none waits for a slower one', async (t) => {
      const { open, hold, userQuestion } = await start(t);
      const client = await open();
      const letGo = hold();
      const [slow = 0, ...quick] = client.send([userQuestion(), alive, {}, alive]).ids;
      for (const id of quick) await client.answer(id);
      refusal(await client.answer(quick[1] ?? 0), 'INVALID_FIELD');
      const answersTo = (asked: number) => client.messages.filter(({ id }) => id === asked).length;
      assert.equal(answersTo(slow), 0);
      letGo();
      assert.ok((await client.answer(slow)).access);
      assert.ok((await client.ask(alive)).alive);
      for (const id of [slow, ...quick]) assert.equal(answersTo(id), 1);
    });

    for (const [what, reason, frame] of [
      [
        'of too many messages',
        'MESSAGE_TOO_LARGE',
        Array.from({ length: frameMessagesMax + 1 }, () => alive),
      ],
      ['with an id that is a push’s', 'INVALID_FIELD', [alive, { ...alive, id: 0 }]],
    ] as const satisfies [string, ErrorReason, ClientMessage[]][])
      test(`ends with ${reason} at a frame ${what}, and answers nothing of it`, async (t) => {
        const client = await (await start(t)).open();
        client.send(frame);
        const { failure } = await until('the end', 10_000, () => client.end);
        assert.ok(isServiceError(failure, reason), String(failure));
        assert.deepEqual(
          client.messages.filter(({ id }) => id !== 0),
          [],
        );
      });

    test('takes a frame of as many messages as there may be', async (t) => {
      const client = await (await start(t)).open();
      const { ids } = client.send(Array.from({ length: frameMessagesMax }, () => alive));
      for (const id of ids) assert.ok((await client.answer(id)).alive);
    });

    test('gives the same grant for the same key and body, on another stream too, and refuses another body', async (t) => {
      const { open, userQuestion } = await start(t);
      const question = userQuestion();
      const first = (await (await open()).ask(question)).access;
      assert.ok(first?.grant && first.lease && first.credential?.database);
      assert.equal(first.replayed, false);
      const client = await open();
      const again = (await client.ask(question)).access;
      assert.equal(again?.replayed, true);
      assert.deepEqual([again.grant?.id, again.lease?.id], [first.grant.id, first.lease.id]);
      assert.ok(question.requestAccess);
      const other = { requestAccess: { ...question.requestAccess, justification: 'something else' } };
      refusal(await client.ask(other), 'IDEMPOTENCY_KEY_REUSED');
    });

    test('renews a user and no token, ends a grant again and again, and gives no key’s ended grant', async (t) => {
      const { open, userQuestion, tokenQuestion } = await start(t);
      const client = await open();
      const question = userQuestion();
      const { access: user } = await client.ask(question);
      const { access: token } = await client.ask(tokenQuestion());
      assert.ok(user?.grant && user.lease && token?.lease && token.credential?.token);
      assert.deepEqual([user.lease.renewable, token.lease.renewable], [true, false]);
      for (const { lease } of [user, token]) {
        assert.ok(lease);
        assert.ok((await client.ask({ acknowledgeDelivery: { leaseId: lease.id } })).alive);
      }
      const renewal = { renewLease: { leaseId: user.lease.id } };
      const { renewed } = await client.ask(renewal);
      assert.ok(renewed?.renewedAt);
      assert.equal(renewed.lease?.id, user.lease.id);
      refusal(await client.ask({ renewLease: { leaseId: token.lease.id } }), 'LEASE_NOT_RENEWABLE');
      const completion = { completeGrant: { grantId: user.grant.id, reason: 'completed' } };
      for (let time = 0; time < 2; time++) {
        const { completed } = await client.ask(completion);
        assert.deepEqual([completed?.grant?.id, completed?.grant?.endReason], [user.grant.id, 'completed']);
      }
      refusal(await client.ask(renewal), 'LEASE_NOT_RENEWABLE');
      refusal(await client.ask(question), 'GRANT_ENDED');
    });

    test('tells every session of a lease that ends before its time', async (t) => {
      const { open, openStranger, tokenQuestion } = await start(t);
      const clients = [await open(), await openStranger()] as const;
      for (const client of clients) await client.pushes(1);
      const [holder] = clients;
      const { grant, lease } = (await holder.ask(tokenQuestion())).access ?? {};
      assert.ok(grant && lease);
      await holder.ask({ completeGrant: { grantId: grant.id, reason: 'completed' } });
      for (const client of clients) {
        const ended = (await client.pushes(2)).flatMap(({ leasesEnded }) => leasesEnded?.leases ?? []);
        assert.deepEqual(
          ended.map(({ leaseId, grantId, reason }) => ({ leaseId, grantId, reason })),
          [{ leaseId: lease.id, grantId: grant.id, reason: 'completed' }],
        );
      }
    });

    test('knows nothing of what is another’s, nor of what there never was', async (t) => {
      const { open, openStranger, tokenQuestion } = await start(t);
      const { access: given } = await (await open()).ask(tokenQuestion());
      assert.ok(given?.grant && given.lease);
      const stranger = await openStranger();
      for (const leaseId of [given.lease.id, newId('lease', 0)]) {
        refusal(await stranger.ask({ renewLease: { leaseId } }), 'LEASE_NOT_FOUND');
        assert.ok((await stranger.ask({ acknowledgeDelivery: { leaseId } })).alive, 'it tells nothing');
      }
      for (const grantId of [given.grant.id, newId('grant', 0)])
        refusal(await stranger.ask({ completeGrant: { grantId, reason: 'completed' } }), 'GRANT_NOT_FOUND');
      refusal(await stranger.ask({ renewLease: { leaseId: 'nonsense' } }), 'INVALID_FIELD');
      refusal(await stranger.ask({ completeGrant: { grantId: '' } }), 'INVALID_FIELD');
    });
  });
}

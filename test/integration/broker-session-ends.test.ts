import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isServiceError } from '@stint/common/errors.ts';
import { services } from '@stint/common/proto.ts';
import { frameMessagesMax } from '@stint/common/session-limits.ts';
import { systemClock } from '@stint/common/time.ts';
import type { AccessUseCases } from '../../services/broker/rpc/access-calls.ts';
import { reader } from '../harness/broker-core.ts';
import { grantAndLease } from '../harness/ledger-entries.ts';
import { alive, readQuestion, SessionClient, served } from '../harness/served-sessions.ts';
import { until } from '../harness/until.ts';

const { access } = services;

/** The session as it is called by one who writes its frames by hand, in hex. */
const emptyMessages = {
  ...access.Session,
  requestSerialize: (hex: string) => Buffer.from(hex, 'hex'),
};

describe('a peer that does not read', () => {
  test('is not read either: what is done for it stays bounded, and it gets all of it when it reads', async (t) => {
    let done = 0;
    const { lease } = grantAndLease(systemClock.now(), { lease: { lastError: 'x'.repeat(8_000) } });
    const execute = () => {
      done++;
      return Promise.resolve(lease);
    };
    const renewLease = { execute } as unknown as AccessUseCases['renewLease'];
    const { channel, open } = await served(t, () => ({ renewLease }));
    const client = new SessionClient(await channel(), { isReading: false });
    const other = await open();
    const frames = 400;
    const renewals = Array.from({ length: 32 }, () => ({ renewLease: { leaseId: lease.id } }));
    const ids = Array.from({ length: frames }, () => client.send(renewals).ids).flat();
    // Answered again and again, another session shows that the server has had its turns.
    for (let before = -1; done === 0 || done > before; ) {
      before = done;
      for (let trip = 0; trip < 5; trip++) await other.ask(alive);
    }
    assert.ok(done < ids.length / 4, `${done} of ${ids.length} were done`);
    client.read();
    await client.answer(ids.at(-1) ?? 0);
    assert.equal(done, ids.length);
    assert.deepEqual(
      client.messages.filter(({ id }) => id !== 0).map(({ id }) => id),
      ids,
    );
  });
});

describe('a session ends', () => {
  test('with the SVID that opened it', async (t) => {
    const { core, open } = await served(t);
    const client = await open(reader, { notAfter: Math.ceil(systemClock.now() / 1_000) * 1_000 + 2_000 });
    await client.pushes(1);
    const { failure } = await until('the end', 10_000, () => client.end);
    assert.ok(isServiceError(failure, 'PEER_UNAUTHENTICATED'), String(failure));
    assert.equal(core.feed.size, 0);
  });

  test('at its next sign of life, when the clock was set past the end of its SVID', async (t) => {
    let aheadMs = 0;
    const clock = { now: () => systemClock.now() + aheadMs };
    const { core, open } = await served(t, () => ({ clock }));
    const client = await open();
    assert.ok((await client.ask(alive)).alive);
    aheadMs = 24 * 3_600_000;
    client.send([alive, readQuestion(core)]);
    const { failure } = await until('the end', 5_000, () => client.end);
    assert.ok(isServiceError(failure, 'PEER_UNAUTHENTICATED'), String(failure));
    assert.equal(core.feed.size, 0);
    assert.deepEqual(await core.events(), []);
  });

  test('when its peer has gone, and leaves no listener; what it asked is done all the same', async (t) => {
    const { core, open } = await served(t);
    const client = await open();
    await client.pushes(1);
    const letGo = core.target.hold('create');
    client.send([readQuestion(core)]);
    await until('the target is asked', 5_000, () => core.target.calls.create > 0);
    client.hangUp();
    await until('nobody listens', 5_000, () => core.feed.size === 0);
    letGo();
    await until(
      'the lease is active',
      5_000,
      async () => (await core.store.grants.countLeasesByState()).active === 1,
    );
    await core.pass(5_000);
    assert.deepEqual(core.target.entities(), []);
  });

  test('in the midst of a large frame when its peer has gone: the rest is not done', async (t) => {
    let client: SessionClient | undefined;
    let done = 0;
    const { lease } = grantAndLease(systemClock.now());
    const execute = () => {
      if (done++ === 0) client?.hangUp();
      return Promise.resolve(lease);
    };
    const renewLease = { execute } as unknown as AccessUseCases['renewLease'];
    const { core, open } = await served(t, () => ({ renewLease }));
    client = await open();
    await client.pushes(1);
    client.send(Array.from({ length: frameMessagesMax }, () => ({ renewLease: { leaseId: lease.id } })));
    await until('nobody listens', 5_000, () => done > 0 && core.feed.size === 0);
    assert.ok(done < frameMessagesMax, `${done} were done`);
  });

  test('with MESSAGE_TOO_LARGE for a frame over the limit: none of it is done, none answered for itself', async (t) => {
    const { core, open } = await served(t);
    const client = await open();
    await client.pushes(1);
    const question = readQuestion(core);
    client.send(Array.from({ length: frameMessagesMax + 1 }, () => question));
    const { failure } = await until('the end', 5_000, () => client.end);
    assert.ok(isServiceError(failure, 'MESSAGE_TOO_LARGE'), String(failure));
    assert.equal(client.messages.filter(({ id }) => id !== 0).length, 0);
    assert.equal(core.feed.size, 0);
    assert.deepEqual(await core.events(), []);
  });

  test('with one frame of nothing but empty messages, as many as its bytes allow', async (t) => {
    const { channel } = await served(t);
    const stream = (await channel()).bidi(emptyMessages);
    stream.write(Buffer.from([10, 0]).toString('hex').repeat(250_000));
    const end = (async () => {
      for await (const frame of stream) assert.ok(frame.messages.every(({ id }) => id === 0));
    })();
    await assert.rejects(end, (thrown) => isServiceError(thrown, 'MESSAGE_TOO_LARGE'));
  });
});

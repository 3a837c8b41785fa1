import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type ErrorReason, isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { ClientMessage } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { ServerMessage__Output } from '@stint/common/gen/stint/broker/v1/ServerMessage.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { fromRpcStatus } from '@stint/common/grpc-status.ts';
import { newId } from '@stint/common/ids.ts';
import { services } from '@stint/common/proto.ts';
import { toDuration } from '@stint/common/proto-time.ts';
import { parseSpiffeId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import type { RequestAccess } from '../../services/broker/app/request-access.ts';
import type { Lease } from '../../services/broker/domain/lease.ts';
import { accessService, callsPerIdentityMax } from '../../services/broker/rpc/access-service.ts';
import {
  frameMessagesMax,
  type SessionParts,
  sessionInFlightMax,
  slowFramesMax,
  takenMax,
} from '../../services/broker/rpc/session.ts';
import { TrustFeed } from '../../services/broker/rpc/trust-feed.ts';
import { BrokerCore, deployer, reader } from '../harness/broker-core.ts';
import { connectTo, echoServerId, meshListener } from '../harness/echo-server.ts';
import { grantAndLease } from '../harness/ledger-entries.ts';
import type { Scope } from '../harness/temp-dir.ts';
import { type LeafOptions, TestCa } from '../harness/test-ca.ts';
import { until } from '../harness/until.ts';

const { access } = services;

let ca: TestCa;
before(async () => {
  ca = await TestCa.create();
});

/** A broker's access service over mutual TLS, on real use cases apart from what a test replaces. */
async function served(scope: Scope, replaced: (core: BrokerCore) => Partial<SessionParts> = () => ({})) {
  const core = await BrokerCore.start(scope);
  const trusted = { x509Authorities: [ca.rootDer], jwks: '{"keys":[]}', issuer: 'https://broker.test' };
  const trust = new TrustFeed(
    () => trusted,
    () => core.clock.now(),
  );
  const parts: SessionParts = {
    requestAccess: core.request,
    endGrant: core.endGrant,
    renewLease: core.renewal,
    acknowledge: core.delivery,
    feed: core.feed,
    store: core.store.grants,
    providers: core.providers,
    trust,
    clock: core.clock,
    log: core.log,
    ...replaced(core),
  };
  const server = await startGrpcServer({
    name: 'broker',
    listeners: [meshListener(await ca.source(echoServerId))],
    services: [accessService(parts)],
    log: core.log,
    clock: systemClock,
  });
  scope.after(() => server.close(0));
  const channel = async (spiffeId: SpiffeId = reader, leaf: LeafOptions = {}) =>
    connectTo(scope, server, { source: await ca.source(spiffeId, leaf) });
  const open = async (spiffeId?: SpiffeId, leaf?: LeafOptions) =>
    new SessionClient(await channel(spiffeId, leaf));
  return { core, trust, trusted, channel, open };
}

/** A sidecar's end of a session, which keeps all that it hears. */
class SessionClient {
  /** Frames in order of arrival. */
  readonly frames: ServerMessage__Output[][] = [];
  /** How the stream ended; undefined while it is open. */
  end: { readonly failure: unknown } | undefined;
  readonly #stream: ReturnType<GrpcChannel['bidi']>;
  #ids = 0;

  constructor(channel: GrpcChannel, options: { isReading?: boolean } = {}) {
    this.#stream = channel.bidi(access.Session) as ReturnType<GrpcChannel['bidi']>;
    if (options.isReading !== false) this.read();
  }

  read(): void {
    const take = async () => {
      for await (const frame of this.#stream)
        this.frames.push((frame as { messages: ServerMessage__Output[] }).messages);
    };
    void take().then(
      () => {
        this.end = { failure: undefined };
      },
      (failure: unknown) => {
        this.end = { failure };
      },
    );
  }

  get messages(): ServerMessage__Output[] {
    return this.frames.flat();
  }

  /** Sends one frame; ids are given in order. Returns them, and whether there is room for more. */
  send(bodies: readonly Omit<ClientMessage, 'id'>[]): { ids: number[]; hasRoom: boolean } {
    const messages = bodies.map((body) => ({ ...body, id: ++this.#ids }));
    const hasRoom = this.#stream.write({ messages });
    return { ids: messages.map(({ id }) => id), hasRoom };
  }

  /** The answer to one question. */
  async ask(body: Omit<ClientMessage, 'id'>): Promise<ServerMessage__Output> {
    const [id] = this.send([body]).ids;
    return await this.answer(id ?? 0);
  }

  async answer(id: number): Promise<ServerMessage__Output> {
    return await until(`answer ${id}`, 10_000, () => this.messages.find((message) => message.id === id));
  }

  /** What was pushed, once there are so many pushes. */
  async pushes(count: number): Promise<ServerMessage__Output[]> {
    return await until(`${count} pushes`, 10_000, () => {
      const pushed = this.messages.filter(({ id }) => id === 0);
      return pushed.length >= count ? pushed : undefined;
    });
  }

  hangUp(): void {
    this.#stream.cancel();
  }
}

function refusal(answer: ServerMessage__Output, reason: ErrorReason) {
  const { failure } = answer;
  assert.ok(failure, `no failure: ${answer.body}`);
  const error = fromRpcStatus(failure);
  assert.equal(error.reason, reason, error.message);
  return error;
}

function readQuestion(core: BrokerCore): Omit<ClientMessage, 'id'> {
  const { ttlMs: _, ...question } = core.question();
  return { requestAccess: { ...question, ttl: toDuration(60_000) } };
}

/** The session as it is called by one who writes its frames by hand, in hex. */
const emptyMessages = {
  ...access.Session,
  requestSerialize: (hex: string) => Buffer.from(hex, 'hex'),
};

const alive = { alive: {} } satisfies Omit<ClientMessage, 'id'>;

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
    const renewLease = { execute: () => gate.promise } as unknown as SessionParts['renewLease'];
    const { core, open } = await served(t, () => ({ renewLease }));
    const client = await open();
    const leaseId = newId('lease', core.clock.now());
    const renewals = Array.from({ length: frameMessagesMax }, () => ({ renewLease: { leaseId } }));
    const ids = Array.from(
      { length: sessionInFlightMax / frameMessagesMax },
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
    const renewLease = { execute } as unknown as SessionParts['renewLease'];
    const { core, open } = await served(t, () => ({ renewLease }));
    const client = await open();
    const leaseId = newId('lease', core.clock.now());
    const error = refusal(await client.ask({ renewLease: { leaseId } }), 'INTERNAL');
    assert.ok(!JSON.stringify([error.message, error.metadata]).includes('hunter2'));
    assert.match(core.logText(), new RegExp(error.metadata['request_id'] ?? 'no id'));
    assert.ok((await client.ask(alive)).alive);
  });
});

describe('a peer that does not read', () => {
  test('is not read either: what is done for it stays bounded, and it gets all of it when it reads', async (t) => {
    let done = 0;
    const { lease } = grantAndLease(systemClock.now(), { lease: { lastError: 'x'.repeat(8_000) } });
    const execute = () => {
      done++;
      return Promise.resolve(lease);
    };
    const renewLease = { execute } as unknown as SessionParts['renewLease'];
    const { channel } = await served(t, () => ({ renewLease }));
    const client = new SessionClient(await channel(), { isReading: false });
    const frames = 400;
    const renewals = Array.from({ length: 32 }, () => ({ renewLease: { leaseId: lease.id } }));
    const ids = Array.from({ length: frames }, () => client.send(renewals).ids).flat();
    let before = -1;
    await until('nothing more is done', 10_000, () => {
      const isStill = done > 0 && done === before;
      before = done;
      return isStill ? true : undefined;
    });
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

describe('what is pushed', () => {
  test('does not pile up for a peer that does not read: its session ends, and others hear on', async (t) => {
    const { core, channel, open } = await served(t);
    const reading = await open();
    await reading.pushes(1);
    const { lease } = grantAndLease(core.clock.now());
    const { id, grantId, expiresAt } = lease;
    const ended = { id, grantId, expiresAt, reason: 'x'.repeat(2_000) };
    const deaf = new SessionClient(await channel(deployer), { isReading: false });
    await until('both listen', 5_000, () => (core.feed.size === 2 ? true : undefined));
    let told = 0;
    while (core.feed.size === 2 && told < 3 * slowFramesMax) {
      core.feed.publish([ended]);
      told++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(core.feed.size, 1, `after ${told} frames`);
    core.feed.publish([ended]);
    assert.ok((await reading.pushes(told + 2)).length > told);
    deaf.hangUp();
  });

  test('first of all is what to trust; a change of it comes with a higher sequence, and what is no change does not', async (t) => {
    const { core, trust, trusted, open } = await served(t);
    const client = await open();
    const [first] = await client.pushes(1);
    assert.equal(client.frames[0]?.[0]?.id, 0);
    assert.deepEqual(first?.trustBundle?.x509Authorities, [ca.rootDer]);
    trust.refresh();
    trusted.jwks = '{"keys":[1]}';
    core.clock.advance(-60_000);
    trust.refresh();
    const [, second, ...more] = await client.pushes(2);
    assert.deepEqual(more, []);
    assert.equal(second?.trustBundle?.jwks, trusted.jwks);
    assert.ok(Number(second?.trustBundle?.sequence) > Number(first?.trustBundle?.sequence));
  });

  test('is each lease that ends before its time, to every session', async (t) => {
    const { core, open } = await served(t);
    const clients = [await open(), await open(deployer)];
    for (const client of clients) await client.pushes(1);
    const { grant, lease } = await core.askDeploy();
    await core.release(grant, { spiffeId: deployer });
    for (const client of clients) {
      const [, pushed] = await client.pushes(2);
      const [ended] = pushed?.leasesEnded?.leases ?? [];
      assert.equal(ended?.leaseId, lease.id);
      assert.equal(ended?.grantId, grant.id);
      assert.equal(ended?.reason, 'completed');
      assert.equal(ended?.expiresAt?.seconds, Math.floor(lease.expiresAt / 1_000));
    }
  });

  test('to a new session are the leases that ended early while it was away, and none that is over anyhow', async (t) => {
    const { core, open } = await served(t);
    const user = await core.takeRead();
    const short = await core.askDeploy({ ttlMs: 5_000 });
    const long = await core.askDeploy();
    await core.askDeploy();
    for (const { grant } of [short, long]) await core.release(grant, { spiffeId: deployer });
    await core.release(user.grant);
    await core.takeRead();
    await core.pass(5_000);
    const client = await open();
    const [, pushed] = await client.pushes(2);
    assert.deepEqual(
      pushed?.leasesEnded?.leases.map(({ leaseId }) => leaseId).toSorted(),
      [user.lease.id, long.lease.id].map(String).toSorted(),
    );
  });

  test('to a new session fits into frames that it takes, however many leases ended', async (t) => {
    const { lease } = grantAndLease(systemClock.now(), {
      lease: { state: 'revoked', endReason: 'completed' },
    });
    const page = Array.from({ length: frameMessagesMax }, () => lease);
    let pages = 0;
    const { open } = await served(t, (core) => ({
      store: Object.assign(Object.create(core.store.grants) as SessionParts['store'], {
        listEndedEarly: () => Promise.resolve(++pages <= 400 ? page : []),
      }),
    }));
    const client = await open();
    assert.ok((await client.ask(alive)).alive);
    const told = client.messages.reduce((sum, { leasesEnded }) => sum + (leasesEnded?.leases.length ?? 0), 0);
    assert.equal(told, 400 * frameMessagesMax);
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

  test('when its peer has gone, and leaves no listener; what it asked is done all the same', async (t) => {
    const { core, open } = await served(t);
    const client = await open();
    await client.pushes(1);
    const letGo = core.target.hold('create');
    client.send([readQuestion(core)]);
    await until('the target is asked', 5_000, () => core.target.calls.create || undefined);
    client.hangUp();
    await until('nobody listens', 5_000, () => (core.feed.size === 0 ? true : undefined));
    letGo();
    await until('the lease is active', 5_000, async () =>
      (await core.store.grants.countLeasesByState()).active === 1 ? true : undefined,
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
    const renewLease = { execute } as unknown as SessionParts['renewLease'];
    const { core, open } = await served(t, () => ({ renewLease }));
    client = await open();
    await client.pushes(1);
    client.send(Array.from({ length: frameMessagesMax }, () => ({ renewLease: { leaseId: lease.id } })));
    await until('nobody listens', 5_000, () => (done > 0 && core.feed.size === 0 ? true : undefined));
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

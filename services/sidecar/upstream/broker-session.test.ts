import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ErrorReason, isServiceError, ServiceError } from '@stint/common/errors.ts';
import type { ClientMessage } from '@stint/common/gen/stint/broker/v1/ClientMessage.ts';
import type { SessionRequest } from '@stint/common/gen/stint/broker/v1/SessionRequest.ts';
import type { MessageView__Output } from '@stint/common/gen/stint/sidecar/v1/MessageView.ts';
import type { SessionView__Output } from '@stint/common/gen/stint/sidecar/v1/SessionView.ts';
import { toRpcStatus } from '@stint/common/grpc-status.ts';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { codecs } from '@stint/common/proto.ts';
import type { AccessFields } from '@stint/common/request-limits.ts';
import { frameBytesMax, frameMessagesMax, sessionQuestionsMax } from '@stint/common/session-limits.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidSource, SvidState } from '@stint/common/x509-svid.ts';
import { settled } from '../../../test/harness/settled.ts';
import type { EndedLease } from '../app/ports.ts';
import { BrokerSession, inFlightBytesMax } from './broker-session.ts';
import { linkTimes, type SessionStream } from './session-link.ts';

const fields: AccessFields = {
  idempotencyKey: 'key-00000001',
  resource: 'orders-api',
  action: 'read',
  justification: '',
  context: {},
  parameters: {},
};

/** The broker's end of a stream, in this process. */
class FakeStream {
  readonly frames: (readonly ClientMessage[])[] = [];
  isClosed = false;
  isEnded = false;
  hasRoom = true;
  drain = Promise.withResolvers<void>();
  readonly #queue: SessionView__Output[] = [];
  #wake = Promise.withResolvers<void>();
  #fault: ServiceError | undefined;

  get messages(): readonly ClientMessage[] {
    return this.frames.flat();
  }

  /** Questions for access, as they came. */
  get asked(): readonly ClientMessage[] {
    return this.messages.filter((message) => message.requestAccess);
  }

  /** Speaks, as a broker. */
  say(...messages: Partial<MessageView__Output>[]): void {
    this.#queue.push({ messages: messages.map((message) => ({ id: 0, ...message })) });
    this.#wake.resolve();
  }

  greet(): void {
    this.say({ trustBundle: { sequence: 1, x509Authorities: [], jwks: '{"keys":[]}', issuer: 'i' } });
  }

  refuse(id: number | undefined, error: ServiceError): void {
    const status = toRpcStatus(error, { service: 'broker', requestId: '' });
    const failure = {
      code: status.code ?? 0,
      message: status.message ?? '',
      details: [...(status.details ?? [])],
    };
    this.say({ id: id ?? 0, failure } as Partial<MessageView__Output>);
  }

  breakOff(error = new ServiceError('BROKER_UNAVAILABLE', 'cut')): void {
    this.#fault = error;
    this.#wake.resolve();
  }

  open(): SessionStream {
    const stream = {
      write: (frame: SessionRequest) => {
        this.frames.push(frame.messages ?? []);
        return this.hasRoom;
      },
      drained: () => (this.hasRoom ? Promise.resolve() : this.drain.promise),
      end: () => {
        this.isEnded = true;
        this.#wake.resolve();
      },
      cancel: () => this.breakOff(),
      [Symbol.asyncIterator]: () => this.#read(),
    };
    const close = () => {
      this.isClosed = true;
    };
    return { stream, close };
  }

  async *#read(): AsyncGenerator<SessionView__Output> {
    for (;;) {
      const frame = this.#queue.shift();
      if (frame !== undefined) yield frame;
      else if (this.#fault !== undefined) throw this.#fault;
      else if (this.isEnded) return;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }
}

function sources(): SvidSource & { rotate(): void; fault: ServiceError | undefined } {
  let n = 1;
  const listeners = new Set<(state: SvidState) => void>();
  const source = {
    fault: undefined as ServiceError | undefined,
    current: () => {
      if (source.fault !== undefined) throw source.fault;
      return { svid: { sha256: `svid ${n}` } } as SvidState;
    },
    onChange: (listener: (state: SvidState) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    rotate: () => {
      n += 1;
      for (const listener of listeners) listener(source.current());
    },
  };
  return source;
}

/** Lets this process's time stand still, but for what a test lets pass. */
function holdTime({ mock: { timers } }: TestContext) {
  const stepMs = 10;
  timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() });
  /** So many milliseconds, and with each step of them all that it brings. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= stepMs) {
      timers.tick(Math.min(left, stepMs));
      await settled();
    }
  };
  const until = async (claim: () => boolean): Promise<void> => {
    await settled();
    for (let passedMs = 0; passedMs < 5_000 && !claim(); passedMs += stepMs) await pass(stepMs);
    assert.ok(claim(), claim.toString());
  };
  return { pass, until };
}

function openSession(t: TestContext) {
  const { pass, until } = holdTime(t);
  const streams: FakeStream[] = [];
  const late: string[] = [];
  const ended: EndedLease[] = [];
  const keys: string[] = [];
  const svids = sources();
  const session = new BrokerSession({
    dial: () => {
      const stream = new FakeStream();
      streams.push(stream);
      return stream.open();
    },
    svids,
    pushes: {
      leasesEnded: (leases) => void ended.push(...leases),
      tokenKeys: ({ issuer }) => void keys.push(issuer),
      lateAccess: ({ grantId }) => void late.push(grantId),
    },
    clock: systemClock,
    log: createLog({ service: 'test', level: 'silent' }),
  });
  session.start();
  const close = async (deadlineMs = 1) => {
    const closed = session.close(deadlineMs);
    await pass(deadlineMs);
    await closed;
  };
  t.after(() => close());
  const stream = (n: number) => streams[n] ?? assert.fail(`no stream ${n}`);
  return { session, streams, stream, late, ended, keys, svids, pass, until, close };
}

const soon = (ms = 5_000) => ({ deadline: Date.now() + ms });

function accessFor(id: number | undefined): { readonly id: number; readonly access: Buffer } {
  const now = Date.now();
  const at = (ms: number) => ({ seconds: Math.floor((now + ms) / 1_000), nanos: 0 });
  const [grantId, leaseId] = [newId('grant', now), newId('lease', now)];
  const grant = { id: grantId, decidedAt: at(0), expiresAt: at(60_000) };
  const lease = { id: leaseId, grantId, expiresAt: at(60_000), hardExpiresAt: at(60_000), renewable: false };
  const credential = { token: { token: 't', tokenType: 'Bearer' } };
  return { id: id ?? 0, access: codecs.acquireResponse.encode({ grant, lease, credential }) };
}

function refusedAs(reason: ErrorReason): (thrown: unknown) => boolean {
  return (thrown) => isServiceError(thrown, reason);
}

test('questions wait for the broker’s first word, then leave in one frame', async (t) => {
  const { session, stream, until } = openSession(t);
  const asked = [1, 2, 3].map((n) => session.requestAccess({ ...fields, resource: `api-${n}` }, soon()));
  await settled();
  assert.deepEqual(stream(0).frames, []);
  stream(0).greet();
  await until(() => stream(0).asked.length === 3);
  const frames = stream(0).frames.filter((frame) => frame.some((message) => message.requestAccess));
  assert.equal(frames.length, 1);
  // In any order.
  for (const { id } of [...stream(0).asked].reverse()) stream(0).say(accessFor(Number(id)));
  assert.equal((await Promise.all(asked)).length, 3);
});

test('frames stay within their bounds in messages and bytes', async (t) => {
  const { session, stream, until, close } = openSession(t);
  stream(0).greet();
  await settled();
  const big = 'x'.repeat(10_000);
  const asked = Array.from({ length: 600 }, (_, n) =>
    session.requestAccess({ ...fields, justification: n < 300 ? '' : big }, soon()).catch(() => undefined),
  );
  await until(() => stream(0).asked.length === 600);
  for (const frame of stream(0).frames) {
    assert.ok(frame.length <= frameMessagesMax);
    assert.ok(Buffer.byteLength(JSON.stringify(frame)) <= frameBytesMax * 1.2);
  }
  await close();
  await Promise.all(asked);
});

test('a peer that reads slowly is waited for', async (t) => {
  const { session, stream, until, close } = openSession(t);
  stream(0).greet();
  await settled();
  stream(0).hasRoom = false;
  const first = session.requestAccess(fields, soon()).catch(() => undefined);
  await until(() => stream(0).asked.length === 1);
  const second = session.requestAccess(fields, soon()).catch(() => undefined);
  await settled();
  assert.equal(stream(0).asked.length, 1);
  stream(0).hasRoom = true;
  stream(0).drain.resolve();
  await until(() => stream(0).asked.length === 2);
  await close();
  await Promise.all([first, second]);
});

test('as many questions as may be under way, and no more', async (t) => {
  const { session, close } = openSession(t);
  const asked = Array.from({ length: sessionQuestionsMax }, () =>
    session.requestAccess(fields, soon()).catch(() => 'over'),
  );
  await assert.rejects(session.requestAccess(fields, soon()), refusedAs('RATE_LIMITED'));
  session.acknowledgeDelivery(newId('lease', Date.now())); // is never refused
  await close();
  await Promise.all(asked);
});

test('as many bytes of questions as may be under way, and no more', async (t) => {
  const { session, close } = openSession(t);
  const huge = { ...fields, justification: 'x'.repeat(inFlightBytesMax / 2) };
  const asked = session.requestAccess(huge, soon()).catch(() => 'over');
  await assert.rejects(session.requestAccess(huge, soon()), refusedAs('RATE_LIMITED'));
  await close();
  await asked;
});

test('a lost link’s questions are asked again on the next, as they were', async (t) => {
  const { session, stream, streams, until } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  stream(0).breakOff();
  await until(() => streams.length === 2);
  assert.equal(stream(0).isClosed, true);
  assert.equal(session.outage()?.reason, 'BROKER_UNAVAILABLE');
  stream(1).greet();
  await until(() => stream(1).asked.length === 1);
  assert.equal(session.outage(), undefined);
  assert.deepEqual(stream(1).asked[0]?.requestAccess, stream(0).asked[0]?.requestAccess);
  // The first asking is still being answered there: the second is told to come again.
  const { id } = stream(1).asked[0] ?? {};
  stream(1).refuse(
    Number(id),
    new ServiceError('CONCURRENT_UPDATE', 'still being issued', { retryAfterMs: 20 }),
  );
  await until(() => stream(1).asked.length === 2);
  stream(1).say(accessFor(Number(id)));
  await asked;
});

test('a link that breaks in the middle of a frame has given all of it: nothing answered is asked again', async (t) => {
  const { session, stream, streams, svids, late, until } = openSession(t);
  stream(0).greet();
  await settled();
  stream(0).hasRoom = false;
  const asked = Array.from({ length: 160 }, (_, n) =>
    session.requestAccess({ ...fields, idempotencyKey: `key-0000${n + 100}` }, soon()),
  );
  await until(() => stream(0).asked.length === 160);
  svids.rotate();
  await until(() => streams.length === 2);
  stream(1).greet(); // what was asked on the first link is answered there
  await settled();
  stream(0).say(...stream(0).asked.map(({ id }) => accessFor(Number(id))));
  await asked[0]; // the first turn's answers have been passed on, and the link still waits to send more
  stream(0).drain.reject(new ServiceError('BROKER_UNAVAILABLE', 'cut'));
  assert.equal((await Promise.all(asked)).length, 160);
  await settled();
  assert.deepEqual([stream(1).asked, late], [[], []]);
});

test('a refusal on the first asking is the answer', async (t) => {
  const { session, stream, until } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  stream(0).refuse(Number(stream(0).asked[0]?.id), new ServiceError('CONCURRENT_UPDATE', 'somebody else'));
  await assert.rejects(asked, refusedAs('CONCURRENT_UPDATE'));
});

test('a broker that is stopping is not believed: the next one is asked', async (t) => {
  const { session, stream, streams, until } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  stream(0).refuse(Number(stream(0).asked[0]?.id), new ServiceError('SHUTTING_DOWN', 'bye'));
  stream(0).breakOff();
  await until(() => streams.length === 2);
  stream(1).greet();
  await until(() => stream(1).asked.length === 1);
  stream(1).say(accessFor(Number(stream(1).asked[0]?.id)));
  await asked;
});

test('what a stopping broker leaves on a link that was replaced is asked on the current one', async (t) => {
  const { session, stream, svids, until } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  svids.rotate();
  stream(1).greet();
  await settled();
  stream(0).refuse(Number(stream(0).asked[0]?.id), new ServiceError('SHUTTING_DOWN', 'bye'));
  await until(() => stream(1).asked.length > 0);
  await until(() => stream(0).isEnded);
  stream(1).say(accessFor(Number(stream(1).asked[0]?.id)));
  await asked;
});

test('a link lost while a question waits to be repeated does not repeat it twice', async (t) => {
  const { session, stream, streams, until, pass } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  stream(0).breakOff();
  await until(() => streams.length === 2);
  stream(1).greet();
  await until(() => stream(1).asked.length === 1);
  const again = new ServiceError('CONCURRENT_UPDATE', 'still being issued', { retryAfterMs: 1_000 });
  stream(1).refuse(Number(stream(1).asked[0]?.id), again);
  await settled();
  stream(1).breakOff();
  await until(() => streams.length === 3);
  stream(2).greet();
  await pass(1_000);
  const repeated = stream(2).asked;
  assert.equal(repeated.length, 1);
  stream(2).say(accessFor(Number(repeated[0]?.id)));
  await asked;
});

test('a delivery is reported until the broker has heard it', async (t) => {
  const { session, stream, until, pass } = openSession(t);
  stream(0).greet();
  await settled();
  session.acknowledgeDelivery(newId('lease', Date.now()));
  const reports = () => stream(0).messages.filter((message) => message.acknowledgeDelivery);
  await until(() => reports().length === 1);
  const busy = new ServiceError('RATE_LIMITED', 'busy', { retryAfterMs: 20 });
  stream(0).refuse(Number(reports()[0]?.id), busy);
  await until(() => reports().length === 2);
  stream(0).say({ id: Number(reports()[1]?.id), alive: {} });
  await pass(1_000);
  assert.equal(reports().length, 2);
});

test('access that arrives when nobody waits any more is handed over to be given back', async (t) => {
  const { session, stream, late, until, pass } = openSession(t);
  stream(0).greet();
  const given = assert.rejects(session.requestAccess(fields, soon(50)), refusedAs('DEADLINE_EXCEEDED'));
  await pass(50);
  await given;
  const answer = accessFor(Number(stream(0).asked[0]?.id));
  stream(0).say(answer);
  await until(() => late.length === 1);
  assert.equal(late[0], codecs.accessView.decode(answer.access).grant?.id);
});

test('a malformed answer or push fails only what it concerns', async (t) => {
  const { session, stream, ended, until } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  const id = Number(stream(0).asked[0]?.id);
  const bad = { leaseId: 'x', grantId: 'y', expiresAt: null, reason: '' };
  const good = { leaseId: newId('lease', 0), grantId: newId('grant', 0), reason: 'revoked' };
  const leases = [bad, { ...good, expiresAt: { seconds: 9, nanos: 0 } }];
  stream(0).say({ leasesEnded: { leases } }, { id: 999_999, alive: {} });
  stream(0).say({ id, access: Buffer.from('ffff', 'hex') });
  await assert.rejects(asked, refusedAs('INTERNAL'));
  const other = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 2);
  stream(0).say({ id: Number(stream(0).asked.at(-1)?.id), completed: { grant: null, leases: [] } });
  await assert.rejects(other, refusedAs('INTERNAL'));
  assert.deepEqual(ended, [{ ...good, expiresAt: 9_000 }], 'a bad end keeps none beside it from being heard');
  assert.equal(session.outage(), undefined);
});

test('refusals that cannot be read fail their questions, and the rest of the frame is answered', async (t) => {
  const { session, stream, streams, until } = openSession(t);
  stream(0).greet();
  const asked = [1, 2, 3, 4].map((n) => session.requestAccess({ ...fields, resource: `api-${n}` }, soon()));
  const outcomes = Promise.allSettled(asked);
  await until(() => stream(0).asked.length === 4);
  const ids = stream(0).asked.map(({ id }) => Number(id));
  const info = { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: Buffer.from('ffffff', 'hex') };
  const undecodable = { code: 3, message: 'no', details: [info] };
  const unusable = { code: 3, message: 'no' } as unknown as typeof undecodable;
  const failures = [undecodable, undecodable, unusable].map((failure, n) => ({ id: ids[n] ?? 0, failure }));
  stream(0).say(...failures, accessFor(ids[3]));
  const reasons = (await outcomes).map((outcome) =>
    outcome.status === 'rejected' && isServiceError(outcome.reason) ? outcome.reason.reason : outcome.status,
  );
  assert.deepEqual(reasons, ['INVALID_FIELD', 'INVALID_FIELD', 'INTERNAL', 'fulfilled']);
  await settled();
  assert.deepEqual([session.outage(), stream(0).isClosed, streams.length], [undefined, false, 1]);
});

test('a session that is refused for good fails what waits, and is tried again all the same', async (t) => {
  const { session, stream, streams, until } = openSession(t);
  const asked = session.requestAccess(fields, soon());
  stream(0).breakOff(new ServiceError('IDENTITY_SUSPENDED', 'suspended'));
  await assert.rejects(asked, refusedAs('IDENTITY_SUSPENDED'));
  assert.equal(session.outage()?.reason, 'IDENTITY_SUSPENDED');
  await until(() => streams.length === 2);
});

test('an SVID that has ended is an outage with its own reason, and its return ends it at once', async (t) => {
  const { session, stream, streams, svids, until, pass } = openSession(t);
  stream(0).greet();
  await settled();
  svids.fault = new ServiceError('IDENTITY_NOT_READY', 'the SVID expired');
  stream(0).breakOff(new ServiceError('PEER_UNAUTHENTICATED', 'ended'));
  const refused = assert.rejects(session.requestAccess(fields, soon(300)), (error) => {
    assert.ok(isServiceError(error, 'IDENTITY_NOT_READY'), String(error));
    assert.match(error.message, /the SVID expired.*join token/);
    return true;
  });
  await pass(300);
  await refused;
  assert.equal(streams.length, 1, 'nothing was dialled without an SVID');
  svids.fault = undefined;
  svids.rotate();
  assert.equal(streams.length, 2);
  stream(1).greet();
  await until(() => session.outage() === undefined);
});

test('a new SVID moves new questions over and leaves the old ones to be answered', async (t) => {
  const { session, stream, streams, svids, keys, until } = openSession(t);
  stream(0).greet();
  const old = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  svids.rotate();
  assert.equal(streams.length, 2);
  const between = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 2);
  stream(1).greet();
  await settled();
  assert.equal(stream(0).isEnded, false, 'two questions are still being answered there');
  const fresh = session.requestAccess(fields, soon());
  await until(() => stream(1).asked.length > 0);
  stream(0).greet();
  for (const message of stream(0).asked) stream(0).say(accessFor(Number(message.id)));
  await Promise.all([old, between]);
  await until(() => stream(0).isEnded && stream(0).isClosed);
  assert.equal(session.outage(), undefined);
  stream(1).say(accessFor(Number(stream(1).asked[0]?.id)));
  await fresh;
  assert.equal(keys.length, 2, 'keys of the link that is being left are not taken');
});

test('silence is answered by signs of life, and then by another connection', async (t) => {
  const { stream, streams, until, pass } = openSession(t);
  const { aliveMs, deadMs } = linkTimes;
  const signs = () => stream(0).messages.filter((message) => message.alive);
  stream(0).greet();
  await settled();
  await pass(aliveMs - 10);
  assert.equal(signs().length, 0);
  await pass(10);
  assert.equal(signs().length, 1);
  await pass(deadMs - aliveMs - 10);
  assert.equal(stream(0).isClosed, false);
  await pass(10);
  assert.equal(stream(0).isClosed, true);
  await until(() => streams.length === 2);
});

test('closing refuses what waits and dials no more', async (t) => {
  const { session, stream, streams, until, pass, close } = openSession(t);
  stream(0).greet();
  const asked = session.requestAccess(fields, soon());
  await until(() => stream(0).asked.length === 1);
  const refused = assert.rejects(asked, refusedAs('SHUTTING_DOWN'));
  await close(20);
  await refused;
  assert.equal(stream(0).isClosed, true);
  await assert.rejects(session.requestAccess(fields, soon()), refusedAs('SHUTTING_DOWN'));
  await pass(10_000); // longer than any wait between two attempts
  assert.equal(streams.length, 1);
});

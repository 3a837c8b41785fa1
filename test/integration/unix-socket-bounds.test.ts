import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { prefixed } from '@stint/common/grpc/message-reader.ts';
import {
  heldBytesMax,
  heldBytesPerConnectionMax,
  lookMs,
  unreadMsMax,
} from '@stint/common/grpc/open-calls.ts';
import { arrivalMsMax } from '@stint/common/grpc/request-arrivals.ts';
import { callsPerConnectionMax } from '@stint/common/grpc/transport-limits.ts';
import { services } from '@stint/common/proto.ts';
import { connectTo, type EchoHandlers, echoService, openRow, startEcho } from '../harness/echo-server.ts';
import { refusedAs } from '../harness/refused-as.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { until } from '../harness/until.ts';

const { access } = services;
const question = prefixed(access.RequestAccess.requestSerialize({ resource: 'db' }));

/** As large as an answer may be, but for what else is in it. */
const answerBytes = 4_000_000;
const mayLeave = Math.ceil(heldBytesPerConnectionMax / answerBytes);
const answers: Partial<EchoHandlers> = {
  RequestAccess: ({ resource }) => ({
    grant: { justification: resource === 'db' ? 'x'.repeat(answerBytes) : '' },
  }),
};

/** A server on a unix socket, how often it has answered, and a clock for its looks. */
async function unixServer(t: TestContext, handlers: Partial<EchoHandlers> = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const socket = path.join(tempDir(t), 's');
  const rows = { RequestAccess: { ...openRow, concurrencyMax: 10_000 } };
  const listeners = [{ kind: 'unix', path: socket }] as const;
  const server = await startEcho(t, { listeners, services: [echoService(handlers, rows)] });
  const pass = (ms: number) => t.mock.timers.tick(ms);
  return { socket, pass, connect: () => connectTo(t, server) };
}

/** A peer by hand, which lets `window` bytes of each answer come. */
async function speak(t: TestContext, path: string, window: number) {
  let socket: Socket | undefined;
  const session = connectHttp2('http://localhost', {
    createConnection: () => {
      socket = connectSocket(path);
      return socket;
    },
    settings: { initialWindowSize: window },
  });
  session.on('error', () => session.destroy());
  t.after(() => session.destroy());
  await once(session, 'remoteSettings');
  assert.ok(socket);
  return { session, socket };
}

function begin(session: ClientHttp2Session, method = access.RequestAccess.path) {
  const stream = session.request({
    ':method': 'POST',
    ':path': method,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  return stream;
}

/** Everything that the peer has sent before has been seen. */
function answered(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => session.ping(() => resolve()));
}

/** Asks as often as one connection may leave answers unread. */
async function leaveUnread(session: ClientHttp2Session): Promise<ClientHttp2Stream[]> {
  const unread = Array.from({ length: mayLeave }, () => begin(session));
  for (const stream of unread) {
    stream.end(question);
    await once(stream, 'response');
  }
  return unread;
}

async function letGo(stream: ClientHttp2Stream | undefined): Promise<void> {
  assert.ok(stream?.session);
  const { session } = stream;
  stream.close(constants.NGHTTP2_CANCEL);
  await once(stream, 'close');
  await answered(session as ClientHttp2Session);
}

const small = { resource: 'small' };

test('a connection that reads no answers may soon ask nothing more, until it has let go; others may', async (t) => {
  const { socket, connect } = await unixServer(t, answers);
  const { session } = await speak(t, socket, 0);
  const unread = await leaveUnread(session);
  const over = begin(session);
  over.end(question);
  const [headers] = await once(over, 'response');
  assert.equal(headers['grpc-status'], '8');
  assert.match(decodeURI(headers['grpc-message']), /what this connection left unread/);
  await connect().call(access.RequestAccess, small);
  await letGo(unread[0]);
  const again = begin(session);
  again.end(question);
  const [answer] = await once(again, 'response');
  assert.equal(answer['grpc-status'], undefined, 'answered, not refused');
});

test('connections that together read no answers are waited for no longer than an answer is any use', async (t) => {
  const { socket, pass, connect } = await unixServer(t, answers);
  // They take whatever a window allows, and then not even that: only a look ends their calls.
  const peers = await Promise.all([1, 2].map(() => speak(t, socket, 0x7fffffff)));
  for (const { session, socket: line } of peers) {
    session.setLocalWindowSize(0x7fffffff);
    await answered(session);
    line.pause();
    for (let n = 0; n < mayLeave; n++) begin(session).end(question);
  }
  const other = connect();
  const refusal = await until('the socket is at its bound', 10_000, () =>
    other.call(access.RequestAccess, small).then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
  assert.match(String(refusal), new RegExp(`all connections of this socket .* ${heldBytesMax} bytes`));
  refusedAs('RATE_LIMITED')(refusal);
  pass(unreadMsMax + lookMs);
  await other.call(access.RequestAccess, small);
  for (const { session, socket: line } of peers) {
    line.resume();
    await once(session, 'close');
  }
});

test('a request that does not become whole is closed in time, one that does is not', async (t) => {
  const entered = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<object>();
  const { socket, pass } = await unixServer(t, {
    RequestAccess: () => {
      entered.resolve();
      return promise;
    },
  });
  const { session } = await speak(t, socket, 65_535);
  const [whole, half, silent] = [begin(session), begin(session), begin(session)];
  whole.end(question);
  half.write(question.subarray(0, 7));
  await entered.promise;
  await answered(session);
  pass(arrivalMsMax - lookMs);
  assert.deepEqual([half.closed, silent.closed], [false, false]);
  pass(2 * lookMs);
  await Promise.all([once(half, 'close'), once(silent, 'close')]);
  assert.deepEqual([half.rstCode, silent.rstCode], Array(2).fill(constants.NGHTTP2_CANCEL));
  resolve({});
  const [headers] = await once(whole, 'response');
  assert.equal(headers[':status'], 200);
});

test('a connection that finishes no requests may soon begin none, until one has gone; others may', async (t) => {
  const { socket, connect } = await unixServer(t);
  const { session } = await speak(t, socket, 65_535);
  const { requestBytesMax } = openRow;
  const half = prefixed(Buffer.alloc(requestBytesMax)).subarray(0, 7);
  const halves = Array.from({ length: heldBytesPerConnectionMax / requestBytesMax }, () => begin(session));
  for (const stream of halves) stream.write(half);
  await answered(session);
  const over = begin(session);
  over.write(half);
  const [headers] = await once(over, 'response');
  assert.equal(headers['grpc-status'], '8');
  await connect().call(access.RequestAccess, small);
  await letGo(halves[0]);
  const again = begin(session);
  again.end(question);
  const [answer] = await once(again, 'response');
  assert.equal(answer['grpc-status'], undefined, 'answered, not refused');
});

test('a message that is whole counts until its caller has ended the request', async (t) => {
  const { socket, connect } = await unixServer(t);
  const { session } = await speak(t, socket, 65_535);
  const whole = prefixed(Buffer.alloc(openRow.requestBytesMax));
  const unended = Array.from({ length: heldBytesPerConnectionMax / openRow.requestBytesMax }, () =>
    begin(session),
  );
  for (const stream of unended) stream.write(whole);
  await Promise.all(unended.map((stream) => until('it has left', 5_000, () => stream.writableLength === 0)));
  await answered(session);
  const over = begin(session);
  over.write(whole);
  const [headers] = await once(over, 'response');
  assert.equal(headers['grpc-status'], '8');
  await connect().call(access.RequestAccess, small);
});

test('a burst of whole requests is held back by no bound, however many are arriving', async (t) => {
  const { connect } = await unixServer(t, { RequestAccess: () => ({}) });
  const justification = 'x'.repeat(1_000);
  const asked = Array.from({ length: 3 }, connect).flatMap((peer) =>
    Array.from({ length: callsPerConnectionMax }, () =>
      peer.call(access.RequestAccess, { justification }, { deadlineMs: 60_000 }),
    ),
  );
  await Promise.all(asked);
});

test('a stream of answers may go unread while its handler lives, and when it is over for as long as any answer', async (t) => {
  const over = Promise.withResolvers<void>();
  const { socket, pass } = await unixServer(t, {
    Session: async (stream) => {
      for (let n = 0; n < 4; n++) stream.write({ messages: [{ id: n, alive: {} }] });
      await over.promise;
    },
  });
  const { session } = await speak(t, socket, 0);
  const stream = begin(session, access.Session.path);
  await once(stream, 'response');
  pass(2 * unreadMsMax);
  await answered(session);
  assert.equal(stream.closed, false);
  over.resolve();
  await answered(session);
  pass(lookMs);
  pass(unreadMsMax);
  await answered(session);
  pass(lookMs);
  await once(session, 'close');
});

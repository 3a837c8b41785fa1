import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Metadata } from '@grpc/grpc-js';
import { ServiceError } from '@stint/common/errors.ts';
import { leavingMsMax } from '@stint/common/grpc/http2-transport.ts';
import { prefixed } from '@stint/common/grpc/message-reader.ts';
import { fromGrpcStatus } from '@stint/common/grpc-status.ts';
import { services } from '@stint/common/proto.ts';
import { connectTo, type EchoHandlers, echoService, openRow, startEcho } from '../harness/echo-server.ts';
import { tempDir } from '../harness/temp-dir.ts';

const { access } = services;
const post = {
  ':method': 'POST',
  ':path': access.RequestAccess.path,
  'content-type': 'application/grpc',
  te: 'trailers',
} as const;
const question = prefixed(access.RequestAccess.requestSerialize({ resource: 'db' }));

/** What a peer was told: the response's headers, and the trailers after its messages. */
type Told = {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** A server on a unix socket, and a peer that speaks HTTP/2 and nothing of gRPC. */
async function barePeer(t: TestContext, handlers: Partial<EchoHandlers> = {}) {
  const socket = path.join(tempDir(t), 's');
  const rows = { RequestAccess: { ...openRow, requestBytesMax: 1_000 } };
  const listeners = [{ kind: 'unix', path: socket }] as const;
  const server = await startEcho(t, { listeners, services: [echoService(handlers, rows)] });
  const peer = connectHttp2('http://localhost', { createConnection: () => connectSocket(socket) });
  peer.on('error', (error) => t.diagnostic(`the peer's connection broke: ${error.message}`));
  t.after(() => peer.destroy());
  return { server, socket, peer };
}

async function tell(
  peer: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  ...bytes: readonly Buffer[]
): Promise<Told> {
  const stream = peer.request(headers);
  const told = answerOf(stream);
  for (const piece of bytes) stream.write(piece);
  stream.end();
  return await told;
}

async function answerOf(stream: ReturnType<ClientHttp2Session['request']>): Promise<Told> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const body: Buffer[] = [];
  stream.on('response', (said) => {
    headers = said;
  });
  stream.on('trailers', (said) => {
    trailers = said;
  });
  stream.on('data', (piece: Buffer) => body.push(piece));
  await once(stream, 'close');
  return { headers, trailers: trailers ?? headers, body: Buffer.concat(body) };
}

/** The refusal that trailers carry. */
function refusalIn({ trailers }: Told) {
  const metadata = Metadata.fromHttp2Headers(trailers);
  const details = decodeURI(String(trailers['grpc-message'] ?? ''));
  const caller = { unavailable: 'BROKER_UNAVAILABLE', peer: 'the test' } as const;
  return fromGrpcStatus({ code: Number(trailers['grpc-status']), details, metadata }, caller);
}

/** Turns of the event loop, in which what was written in this process is read in it. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** A frame of HTTP/2 with a short payload. Source: RFC 9113 §4.1. */
function frame(
  { type, stream, flags = 0 }: Record<'type' | 'stream', number> & { flags?: number },
  payload = '',
): Buffer {
  const bytes = Buffer.from(payload, 'latin1');
  return Buffer.concat([Buffer.from([0, 0, bytes.length, type, flags, 0, 0, 0, stream]), bytes]);
}

/** Headers as literals without an index, each shorter than 127 bytes. Source: RFC 7541 §6.2.2. */
function headerBlock(headers: Readonly<Record<string, string>>): string {
  const text = (value: string) => `${String.fromCharCode(value.length)}${value}`;
  return Object.entries(headers)
    .map(([name, value]) => `\0${text(name)}${text(value)}`)
    .join('');
}

describe('gRPC on a unix socket', () => {
  test('is the protocol of the specification: headers, one message, trailers', async (t) => {
    const { peer } = await barePeer(t);
    const { headers, trailers, body } = await tell(peer, post, question);
    assert.equal(headers[':status'], 200);
    assert.match(String(headers['content-type']), /^application\/grpc/);
    assert.equal(trailers['grpc-status'], '0');
    assert.equal(body.readUInt32BE(1), body.length - 5);
    assert.equal(access.RequestAccess.responseDeserialize(body.subarray(5)).grant?.resource, 'db');
  });

  test('answers a request whose bytes come one by one', async (t) => {
    const { peer } = await barePeer(t);
    const pieces = [...question].map((byte) => Buffer.from([byte]));
    assert.equal((await tell(peer, post, ...pieces)).trailers['grpc-status'], '0');
  });

  const notGrpc: readonly (readonly [string, OutgoingHttpHeaders, number])[] = [
    ['a GET', { ...post, ':method': 'GET' }, 405],
    ['another content', { ...post, 'content-type': 'application/json' }, 415],
  ];
  for (const [what, headers, status] of notGrpc)
    test(`refuses ${what} as HTTP does`, async (t) => {
      const { peer } = await barePeer(t);
      assert.equal((await tell(peer, headers)).headers[':status'], status);
    });

  const notServed: readonly (readonly [string, OutgoingHttpHeaders, number, RegExp])[] = [
    ['a method that is not there', { ...post, ':path': '/stint.x/No' }, 12, /no method \/stint\.x\/No/],
    ['a timeout that is none', { ...post, 'grpc-timeout': '5 minutes' }, 13, /grpc-timeout/],
    ['compression', { ...post, 'grpc-encoding': 'gzip' }, 12, /without compression/],
  ];
  for (const [what, headers, code, text] of notServed)
    test(`refuses ${what} with its status`, async (t) => {
      const { peer } = await barePeer(t);
      const { trailers } = await tell(peer, headers, question);
      assert.equal(trailers['grpc-status'], String(code));
      assert.match(decodeURI(String(trailers['grpc-message'])), text);
    });

  const noRequests: readonly (readonly [string, readonly Buffer[], RegExp])[] = [
    ['no message', [], /no message/],
    ['two messages', [question, question], /more than one message/],
    ['half a message', [question.subarray(0, 7)], /within a message/],
    ['a compressed message', [Buffer.from([1, 0, 0, 0, 1, 0])], /compressed/],
    ['bytes that are no message', [prefixed(Buffer.from([0xff, 0xff]))], /cannot be decoded/],
  ];
  for (const [what, bytes, text] of noRequests)
    test(`refuses ${what} as INVALID_FIELD`, async (t) => {
      const { peer } = await barePeer(t);
      const refusal = refusalIn(await tell(peer, post, ...bytes));
      assert.equal(refusal.reason, 'INVALID_FIELD');
      assert.match(refusal.message, text);
    });

  test('refuses a large message when it is announced, and takes no more of it', async (t) => {
    const { peer } = await barePeer(t);
    const stream = peer.request(post);
    const told = answerOf(stream);
    stream.write(Buffer.from([0, 0, 0, 0x03, 0xe9]));
    const refusal = refusalIn(await told);
    assert.deepEqual(
      [refusal.reason, refusal.metadata],
      ['MESSAGE_TOO_LARGE', { bytes: '1001', bytes_max: '1000' }],
    );
    assert.equal((await tell(peer, post, question)).trailers['grpc-status'], '0');
  });

  test('answers at the deadline that the caller names, in whatever unit', async (t) => {
    const told: unknown[] = [];
    const RequestAccess: EchoHandlers['RequestAccess'] = (_request, call) =>
      new Promise(() => call.signal.addEventListener('abort', () => told.push(call.signal.reason)));
    const { peer } = await barePeer(t, { RequestAccess });
    for (const timeout of ['10m', '10000u', '10000000n', '0S']) {
      const refusal = refusalIn(await tell(peer, { ...post, 'grpc-timeout': timeout }, question));
      assert.equal(refusal.reason, 'DEADLINE_EXCEEDED', timeout);
    }
    assert.equal(told.length, 4);
  });

  test('tells a handler that its caller has gone', async (t) => {
    const entered = Promise.withResolvers<AbortSignal>();
    const RequestAccess: EchoHandlers['RequestAccess'] = (_request, call) => {
      entered.resolve(call.signal);
      return new Promise(() => undefined);
    };
    const { peer } = await barePeer(t, { RequestAccess });
    const stream = peer.request(post);
    stream.end(question);
    const signal = await entered.promise;
    stream.close(constants.NGHTTP2_CANCEL);
    await once(signal, 'abort');
    assert.match(String(signal.reason), /the caller has gone/);
  });

  test('sends a long answer as fast as its peer reads it', async (t) => {
    const justification = 'ü'.repeat(1_500_000);
    const { server } = await barePeer(t, { RequestAccess: () => ({ grant: { justification } }) });
    const channel = connectTo(t, server);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => channel.call(access.RequestAccess, { resource: 'db' })),
    );
    assert.ok(answers.every(({ grant }) => grant?.justification === justification));
  });

  test('carries a text of any script in a refusal', async (t) => {
    const text = 'Größe 100 % — 大きい';
    const { peer } = await barePeer(t, {
      RequestAccess: () => {
        throw new ServiceError('GRANT_DENIED', text);
      },
    });
    const told = await tell(peer, post, question);
    assert.match(String(told.trailers['grpc-message']), /^[ -~]*$/);
    assert.equal(decodeURIComponent(String(told.trailers['grpc-message'])), text);
    assert.equal(refusalIn(told).message, text);
  });

  test('names a method that is not there in a few words, however long its path', async (t) => {
    const { peer } = await barePeer(t);
    const { trailers } = await tell(peer, { ...post, ':path': `/${'x'.repeat(40_000)}` }, question);
    assert.equal(trailers['grpc-status'], '12');
    assert.ok(String(trailers['grpc-message']).length < 200);
    assert.equal((await tell(peer, post, question)).trailers['grpc-status'], '0');
  });

  test('bounds the calls of a peer that says goodbye, breaks the protocol and goes', async (t) => {
    const entered = Promise.withResolvers<AbortSignal>();
    const Session: EchoHandlers['Session'] = async (_stream, call) => {
      entered.resolve(call.signal);
      await once(call.signal, 'abort');
    };
    const { socket } = await barePeer(t, { Session });
    const connection = connectSocket(socket);
    connection.resume();
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const place = { ':scheme': 'http', ':authority': 'localhost', ':path': access.Session.path };
    const headers = headerBlock({ ':method': 'POST', ...place, 'content-type': 'application/grpc' });
    const [settings, begin] = [
      frame({ type: 4, stream: 0 }),
      frame({ type: 1, stream: 1, flags: 4 }, headers),
    ];
    connection.write(Buffer.concat([preface, settings, begin]));
    const signal = await entered.promise;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    // GOAWAY without an error, and then DATA on stream 0, which no stream is. Source: RFC 9113 §6.8, §6.1.
    const [goodbye, fault] = [
      frame({ type: 7, stream: 0 }, '\0'.repeat(8)),
      frame({ type: 0, stream: 0 }, 'x'),
    ];
    connection.write(Buffer.concat([goodbye, fault]));
    await turns(100);
    connection.destroy();
    await turns(100);
    assert.equal(signal.aborted, false, 'Node tells nobody of its end');
    t.mock.timers.tick(leavingMsMax);
    t.mock.timers.reset();
    await turns(100);
    assert.match(String(signal.reason), /the caller has gone/);
  });

  test('ends the connection of a peer that does not speak HTTP/2, and nobody else’s', async (t) => {
    const { socket, peer } = await barePeer(t);
    const stranger = connectSocket(socket);
    stranger.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    stranger.resume();
    await once(stranger, 'close');
    assert.equal((await tell(peer, post, question)).trailers['grpc-status'], '0');
  });
});

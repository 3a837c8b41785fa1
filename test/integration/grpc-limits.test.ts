import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import {
  connectionsPerAddressMax,
  connectionsPerIdentityMax,
  handshakesMax,
  handshakesPerAddressMax,
} from '@stint/common/grpc/connection-bounds.ts';
import {
  answeredLingerMs,
  arrivalMsMax,
  arrivingPerIdentityMax,
} from '@stint/common/grpc/request-arrivals.ts';
import { anonymousCallsPerConnectionMax } from '@stint/common/grpc/transport-limits.ts';
import type { GrpcServer } from '@stint/common/grpc-server.ts';
import { services } from '@stint/common/proto.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { dialTls, portOf } from '../harness/dial-tls.ts';
import { connectTo, openRow, startEchoOverTls, workload } from '../harness/echo-server.ts';
import { TestCa } from '../harness/test-ca.ts';
import { until } from '../harness/until.ts';

const { access } = services;

const ca = await TestCa.create();

/** A server where only `RequestAccess`, of at most 100 bytes, is for everybody; holders of SVIDs may send 65,536. */
async function serving(
  t: TestContext,
  options: { readonly requireClientSvid: boolean },
): Promise<GrpcServer> {
  const rows = {
    RequestAccess: { ...openRow, callers: ['anonymous', 'svid'] as const, requestBytesMax: 100 },
  };
  return (await startEchoOverTls(t, ca, { ...options, rows })).server;
}

/** A TLS connection by hand, with or without an SVID. */
const dial = (t: TestContext, server: GrpcServer, svid?: SvidState): TLSSocket =>
  dialTls(t, server, { bundlePem: ca.bundlePem, svid });

function bareSocket(t: TestContext, server: GrpcServer, localAddress: string): Socket {
  const socket = connectTcp({ host: '127.0.0.1', port: portOf(server), localAddress });
  socket.on('error', () => socket.destroy());
  t.after(() => socket.destroy());
  return socket;
}

const tooLarge = '8';
const unfinished = '12';

/** HTTP/2 by hand. */
async function speak(t: TestContext, socket: TLSSocket): Promise<ClientHttp2Session> {
  await once(socket, 'secureConnect');
  const session = connectHttp2('https://stint.local', { createConnection: () => socket });
  session.on('error', () => session.destroy());
  t.after(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

/** A call whose message is announced with a length, and not sent. */
function announce(session: ClientHttp2Session, bytes: number, headers: Record<string, string> = {}) {
  const stream = session.request({
    ':method': 'POST',
    ':path': access.RequestAccess.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes, 1);
  stream.write(prefix);
  stream.on('error', () => stream.destroy());
  stream.resume();
  return stream;
}

/** The status of a call whose message is announced with a length, and never sent. */
async function statusOfAnnounced(t: TestContext, socket: TLSSocket, bytes: number) {
  const session = await speak(t, socket);
  const { maxConcurrentStreams } = session.remoteSettings;
  const stream = announce(session, bytes).end();
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  const status = headers['grpc-status'];
  return { status, maxConcurrentStreams };
}

describe('a message that is announced and never sent', () => {
  test("is refused by its length above what anybody of the listener's callers may send", async (t) => {
    const guests = await serving(t, { requireClientSvid: false });
    const mesh = await serving(t, { requireClientSvid: true });
    const svid = await ca.issue(workload);
    assert.equal((await statusOfAnnounced(t, dial(t, guests), 101)).status, tooLarge);
    assert.equal((await statusOfAnnounced(t, dial(t, guests), 100)).status, unfinished);
    assert.equal((await statusOfAnnounced(t, dial(t, mesh, svid), 65_537)).status, tooLarge);
    assert.equal((await statusOfAnnounced(t, dial(t, mesh, svid), 65_536)).status, unfinished);
  });

  test('has few beside it on a connection of an anonymous caller', async (t) => {
    const guests = await serving(t, { requireClientSvid: false });
    const { maxConcurrentStreams } = await statusOfAnnounced(t, dial(t, guests), 100);
    assert.equal(maxConcurrentStreams, anonymousCallsPerConnectionMax);
  });
});

describe('a request that its caller does not finish', () => {
  test('takes one of the places of its SPIFFE ID; others are served, and its end gives the place back', async (t) => {
    const mesh = await serving(t, { requireClientSvid: true });
    const svid = await ca.issue(workload);
    const sessions = [await speak(t, dial(t, mesh, svid)), await speak(t, dial(t, mesh, svid))];
    const [one, two] = sessions as [ClientHttp2Session, ClientHttp2Session];
    const half = arrivingPerIdentityMax / 2;
    const unfinished = sessions.flatMap((session) =>
      Array.from({ length: half }, () => announce(session, 100)),
    );
    await Promise.all(sessions.map(heard));
    const over = announce(two, 100);
    await new Promise((resolve) => over.once('close', resolve));
    assert.equal(over.rstCode, constants.NGHTTP2_REFUSED_STREAM);
    assert.ok(unfinished.every(({ closed }) => !closed));
    const source = await ca.source('spiffe://stint.local/ci/build');
    await connectTo(t, mesh, { source }).call(access.RequestAccess, {});
    unfinished[0]?.close();
    await heard(one);
    const status = announce(two, 100).end();
    const [headers] = (await once(status, 'response')) as [Record<string, unknown>];
    assert.equal(headers['grpc-status'], '12');
  });

  test('is not kept once it has been answered', async (t) => {
    const mesh = await serving(t, { requireClientSvid: true });
    const session = await speak(t, dial(t, mesh, await ca.issue(workload)));
    const beganAt = performance.now();
    const stream = announce(session, 100, { 'grpc-timeout': '50m' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(headers['grpc-status'], '4');
    await once(stream, 'close');
    assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
    assert.ok(performance.now() - beganAt >= answeredLingerMs);
  });

  test('is closed when it takes too long', async (t) => {
    const mesh = await serving(t, { requireClientSvid: true });
    const session = await speak(t, dial(t, mesh, await ca.issue(workload)));
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const stream = announce(session, 100);
    await heard(session);
    t.mock.timers.tick(arrivalMsMax);
    await once(stream, 'close');
    assert.equal(stream.rstCode, constants.NGHTTP2_CANCEL);
  });
});

/** Resolves when the server has read all that was sent before. */
async function heard(session: ClientHttp2Session): Promise<void> {
  await new Promise<void>((resolve) => session.ping(() => resolve()));
}

describe('connections that never finish their handshake', () => {
  test('of one address end each other, the oldest first; others of it and elsewhere are served', async (t) => {
    const server = await serving(t, { requireClientSvid: false });
    const elsewhere = bareSocket(t, server, '127.0.0.2');
    await once(elsewhere, 'connect');
    const bare: Socket[] = [];
    for (let i = 0; i < handshakesPerAddressMax + 20; i++) {
      const socket = bareSocket(t, server, '127.0.0.1');
      await once(socket, 'connect');
      bare.push(socket);
    }
    await until('20 are closed', 5_000, () => open(bare) <= handshakesPerAddressMax);
    assert.equal(open(bare.slice(0, 20)), 0);
    await connectTo(t, server, { bundlePem: ca.bundlePem }).call(access.RequestAccess, {});
    assert.equal(open([elsewhere]), 1);
  });

  test('of many addresses are bounded too, and a peer that means it is served', async (t) => {
    const server = await serving(t, { requireClientSvid: true });
    const bare: Socket[] = [];
    for (let i = 0; i < handshakesMax + 100; i++) {
      const socket = bareSocket(t, server, `127.0.0.${2 + (i % 8)}`);
      await once(socket, 'connect');
      bare.push(socket);
    }
    await until('100 are closed', 3_000, () => open(bare) <= handshakesMax);
    const source = await ca.source(workload);
    await connectTo(t, server, { source }).call(access.RequestAccess, {});
  });
});

describe('idle connections', () => {
  for (const { of, requireClientSvid, share } of [
    { of: 'SPIFFE ID', requireClientSvid: true, share: connectionsPerIdentityMax },
    { of: 'address of anonymous callers', requireClientSvid: false, share: connectionsPerAddressMax },
  ])
    test(`of one ${of} are no more than its share; one that ends makes room`, async (t) => {
      const server = await serving(t, { requireClientSvid });
      const svid = requireClientSvid ? await ca.issue(workload) : undefined;
      const held: TLSSocket[] = [];
      for (let i = 0; i < share; i++) held.push(await served(dial(t, server, svid)));
      const over = dial(t, server, svid);
      over.resume();
      await once(over, 'close');
      assert.equal(open(held), share);
      held.pop()?.destroy();
      await until('there is room', 5_000, async () => {
        const next = dial(t, server, svid);
        return await Promise.race([served(next), once(next, 'close').then(() => undefined)]);
      });
      if (!requireClientSvid) return;
      const source = await ca.source('spiffe://stint.local/ci/build');
      await connectTo(t, server, { source }).call(access.RequestAccess, {});
    });
});

/** Resolves when the server has spoken HTTP/2: it has taken the connection. */
async function served(socket: TLSSocket): Promise<TLSSocket> {
  await once(socket, 'data');
  return socket;
}

function open(sockets: readonly Socket[]): number {
  return sockets.filter((socket) => !socket.destroyed).length;
}

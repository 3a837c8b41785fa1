import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { isServiceError } from '@stint/common/errors.ts';
import type { Caller } from '@stint/common/grpc-method.ts';
import type { GrpcServer } from '@stint/common/grpc-server.ts';
import { services } from '@stint/common/proto.ts';
import type { SpiffeId, TrustDomain } from '@stint/common/spiffe-id.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { type DialOptions, dialTls, portOf } from '../harness/dial-tls.ts';
import {
  connectTo,
  echoServerId,
  meshListener,
  openRow,
  startEcho,
  startEchoOverTls,
  workload,
} from '../harness/echo-server.ts';
import { refusedAs } from '../harness/refused-as.ts';
import { type LeafOptions, SettableSvidSource, TestCa } from '../harness/test-ca.ts';
import { until } from '../harness/until.ts';

const { access } = services;

const ca = await TestCa.create();

async function mesh(t: TestContext, leaf: LeafOptions = {}) {
  const log = capturedLog();
  const callers: Caller[] = [];
  const handlers = {
    RequestAccess: (_request: object, call: { caller: Caller }) => {
      callers.push(call.caller);
      return {};
    },
  };
  const { server, source } = await startEchoOverTls(t, ca, { leaf, handlers, log: log.log });
  return { server, source, log, callers };
}

describe('a caller over mutual TLS', () => {
  test('is known by its SPIFFE ID, the hash of its SVID and its end', async (t) => {
    const { server, callers } = await mesh(t);
    const source = await ca.source(workload);
    const channel = connectTo(t, server, { source });
    await channel.call(access.RequestAccess, {});
    await channel.call(access.RequestAccess, {});
    const { svid } = source.current();
    const caller = { kind: 'svid', spiffeId: workload, svidSha256: svid.sha256, expiresAt: svid.expiresAt };
    assert.deepEqual(callers, [caller, caller]);
  });

  const wrong: Record<string, LeafOptions> = {
    'an expired SVID': { notBefore: Date.now() - 7_200_000, notAfter: Date.now() - 3_600_000 },
    'an SVID for servers only': { purposes: ['server'] },
    'an SVID that may sign certificates': { keyUsage: ['digitalSignature', 'keyCertSign'] },
    'a CA certificate': { isCa: true },
    'two URI SANs': { uris: [workload, 'spiffe://stint.local/other'] },
    'an ID of a foreign trust domain': { uris: ['spiffe://evil.example/ci/deploy'] },
    'no SPIFFE ID': { uris: [], dnsNames: ['ci.stint.local'] },
  };
  for (const [what, options] of Object.entries(wrong)) {
    test(`with ${what} is told PEER_UNAUTHENTICATED and no more; the log knows why`, async (t) => {
      const { server, log, callers } = await mesh(t);
      const channel = connectTo(t, server, { source: await ca.source(workload, options) });
      await assert.rejects(channel.call(access.RequestAccess, {}), (thrown) => {
        assert.ok(refusedAs('PEER_UNAUTHENTICATED')(thrown));
        assert.equal((thrown as Error).message, 'no acceptable X.509-SVID was presented');
        return true;
      });
      assert.equal(callers.length, 0);
      assert.equal(log.lines.filter(({ message }) => message === 'peer refused').length, 1);
    });
  }

  test('with an SVID of another CA of the same name is refused', async (t) => {
    const { server, callers } = await mesh(t);
    const foreign = await (await TestCa.create()).issue(workload);
    const source = new SettableSvidSource({ ...foreign, bundlePem: ca.bundlePem });
    const channel = connectTo(t, server, { source });
    await assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('PEER_UNAUTHENTICATED'));
    await assert.rejects(async () => {
      for await (const _frame of channel.bidi(access.Session)) assert.fail('nothing was sent');
    }, refusedAs('PEER_UNAUTHENTICATED'));
    assert.equal(callers.length, 0);
  });

  test('without a certificate is refused where an SVID is required', async (t) => {
    const { server, callers } = await mesh(t);
    const channel = connectTo(t, server, { bundlePem: ca.bundlePem });
    await assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('PEER_UNAUTHENTICATED'));
    assert.equal(callers.length, 0);
  });

  test('without a certificate is anonymous where none is required, and only that', async (t) => {
    const { server } = await startEchoOverTls(t, ca, {
      requireClientSvid: false,
      handlers: { RequestAccess: (_request, call) => ({ grant: { id: call.caller.kind } }) },
      rows: { RequestAccess: { ...openRow, callers: ['anonymous'] } },
    });
    const channel = connectTo(t, server, { bundlePem: ca.bundlePem });
    assert.equal((await channel.call(access.RequestAccess, {})).grant?.id, 'anonymous');
    await assert.rejects(channel.call(access.CompleteGrant, {}), refusedAs('METHOD_NOT_ALLOWED'));
  });

  test("must satisfy the row's predicate on its SPIFFE ID", async (t) => {
    const callers = [(id: SpiffeId) => id.endsWith('/deploy')];
    const rows = { RequestAccess: { ...openRow, callers } };
    const { server } = await startEchoOverTls(t, ca, { rows });
    await connectTo(t, server, { source: await ca.source(workload) }).call(access.RequestAccess, {});
    const other = connectTo(t, server, { source: await ca.source('spiffe://stint.local/ci/build') });
    await assert.rejects(other.call(access.RequestAccess, {}), refusedAs('METHOD_NOT_ALLOWED'));
  });

  test('is cut off when its SVID ends: the stream is told, new calls need a new connection', async (t) => {
    const { server } = await mesh(t);
    const soon = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    const source = await ca.source(workload, { notAfter: soon });
    const channel = connectTo(t, server, { source });
    const stream = channel.bidi(access.Session)[Symbol.asyncIterator]();
    await channel.call(access.RequestAccess, {});
    await assert.rejects(stream.next(), refusedAs('PEER_UNAUTHENTICATED'));
    assert.ok(Date.now() >= soon);
    await assert.rejects(channel.call(access.RequestAccess, {}), (thrown) => isServiceError(thrown));
    source.set(await ca.issue(workload));
    await until('it is served again', 10_000, () => channel.call(access.RequestAccess, {}));
  });

  test('cannot come back by a resumed TLS session, which nobody would have looked at again', async (t) => {
    const { server } = await mesh(t);
    const svid = await ca.issue(workload);
    const first = await rawTls(t, server, { svid });
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    const second = await rawTls(t, server, { svid, session });
    assert.equal(second.isSessionReused(), false);
    second.destroy();
  });

  test('is not served over TLS 1.2', async (t) => {
    const { server } = await mesh(t);
    await assert.rejects(
      rawTls(t, server, { svid: await ca.issue(workload), maxVersion: 'TLSv1.2' }),
      /protocol version|alert/i,
    );
  });
});

describe('a server over TLS', () => {
  test('is refused by its clients when it is somebody else, when its leaf is wrong, and when its CA is', async (t) => {
    const source = await ca.source(workload);
    const { server } = await mesh(t);
    const expectedServer = 'spiffe://stint.local/stint/broker/other' as SpiffeId;
    const wrongName = connectTo(t, server, { source, expectedServer });
    await assert.rejects(wrongName.call(access.RequestAccess, {}), refusedAs('BROKER_UNAVAILABLE'));
    const { server: wrongLeaf } = await mesh(t, { purposes: ['client'] });
    await assert.rejects(
      connectTo(t, wrongLeaf, { source }).call(access.RequestAccess, {}),
      refusedAs('BROKER_UNAVAILABLE'),
    );
    const foreign = await TestCa.create();
    const wrongCa = connectTo(t, server, { bundlePem: foreign.bundlePem });
    await assert.rejects(wrongCa.call(access.RequestAccess, {}), refusedAs('BROKER_UNAVAILABLE'));
  });

  test('may be any of a trust domain that satisfies a predicate', async (t) => {
    const { server } = await mesh(t);
    const source = await ca.source(workload);
    const accepts = (id: SpiffeId) => id.includes('/stint/broker/');
    const expectedServer = { trustDomain: 'stint.local' as TrustDomain, accepts };
    await connectTo(t, server, { source, expectedServer }).call(access.RequestAccess, {});
  });

  test('shows its new SVID to new connections while old streams go on', async (t) => {
    const { server, source } = await mesh(t);
    const shown = async () => {
      const socket = await rawTls(t, server, { svid: await ca.issue(workload) });
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256.replaceAll(':', '').toLowerCase();
    };
    assert.equal(await shown(), source.current().svid.sha256);
    const stream = connectTo(t, server, { source: await ca.source(workload) }).bidi(access.Session);
    const frames = stream[Symbol.asyncIterator]();
    stream.write({ messages: [{ id: 1, alive: {} }] });
    await frames.next();
    const next = await ca.issue(echoServerId);
    source.set(next);
    assert.equal(await shown(), next.svid.sha256);
    stream.write({ messages: [{ id: 2, alive: {} }] });
    assert.equal((await frames.next()).value?.messages[0]?.id, 2);
  });

  test('trusts a new root, and no longer an old one, once its bundle has changed', async (t) => {
    const { server, source } = await mesh(t);
    const other = await TestCa.create();
    const both = ca.bundlePem + other.bundlePem;
    const newcomer = new SettableSvidSource({ ...(await other.issue(workload)), bundlePem: both });
    await assert.rejects(
      connectTo(t, server, { source: newcomer }).call(access.RequestAccess, {}),
      refusedAs('PEER_UNAUTHENTICATED'),
    );
    source.set({ ...source.current(), bundlePem: other.bundlePem });
    await connectTo(t, server, { source: newcomer }).call(access.RequestAccess, {});
    const old = connectTo(t, server, { source: await ca.source(workload) });
    await assert.rejects(old.call(access.RequestAccess, {}), refusedAs('PEER_UNAUTHENTICATED'));
  });

  test('leaves its source alone once it has stopped', async (t) => {
    const { server, source } = await mesh(t);
    assert.equal(source.listenerCount, 1);
    await server.close(0);
    assert.equal(source.listenerCount, 0);
  });
});

describe('a client over mutual TLS', () => {
  test('shows its newest SVID on its next connection', async (t) => {
    const { server, callers } = await mesh(t);
    const source = await ca.source(workload);
    await connectTo(t, server, { source }).call(access.RequestAccess, {});
    source.set(await ca.issue(workload));
    await connectTo(t, server, { source }).call(access.RequestAccess, {});
    const hashes = callers.map((caller) => caller.kind === 'svid' && caller.svidSha256);
    assert.equal(hashes[1], source.current().svid.sha256);
    assert.notEqual(hashes[0], hashes[1]);
  });

  test('reconnects by itself after the server came back', async (t) => {
    const source = await ca.source(echoServerId);
    const first = await startEcho(t, { listeners: [meshListener(source)] });
    const port = portOf(first);
    const channel = connectTo(t, first, { source: await ca.source(workload) });
    await channel.call(access.RequestAccess, {});
    await first.close(0);
    await assert.rejects(channel.call(access.RequestAccess, {}), refusedAs('BROKER_UNAVAILABLE'));
    await startEcho(t, { listeners: [{ ...meshListener(source), port } as never] });
    await until('it is served again', 10_000, () => channel.call(access.RequestAccess, {}));
  });
});

/** A TLS connection by hand whose handshake is done. */
async function rawTls(
  t: TestContext,
  server: GrpcServer,
  options: Omit<DialOptions, 'bundlePem'>,
): Promise<TLSSocket> {
  const socket = dialTls(t, server, { bundlePem: ca.bundlePem, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

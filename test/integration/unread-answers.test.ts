import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from 'node:http2';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { unreadBytesPerIdentityMax } from '@stint/common/grpc/unread-answers.ts';
import { services } from '@stint/common/proto.ts';
import { dialTls } from '../harness/dial-tls.ts';
import {
  connectTo,
  echoServerId,
  echoService,
  meshListener,
  startEcho,
  workload,
} from '../harness/echo-server.ts';
import { TestCa } from '../harness/test-ca.ts';

const { access } = services;

/** As large as an answer may be, but for what else is in it. */
const answerBytes = 4_000_000;

/** A peer by hand, which lets no answer come until it says so. */
async function speak(t: TestContext, socket: TLSSocket, initialWindowSize: number) {
  await once(socket, 'secureConnect');
  const session = connectHttp2('https://stint.local', {
    createConnection: () => socket,
    settings: { initialWindowSize },
  });
  session.on('error', () => session.destroy());
  t.after(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

function ask(session: ClientHttp2Session) {
  const stream = session.request({
    ':method': 'POST',
    ':path': access.RequestAccess.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => undefined);
  stream.end(Buffer.alloc(5));
  return stream;
}

test('a peer that reads no answers may soon ask nothing more; others may, and so may it once it has let go', async (t) => {
  const ca = await TestCa.create();
  const grant = { justification: 'x'.repeat(answerBytes) };
  let answered = 0;
  const answers = echoService({
    RequestAccess: () => {
      answered++;
      return { grant };
    },
  });
  const source = await ca.source(echoServerId);
  const server = await startEcho(t, { listeners: [meshListener(source)], services: [answers] });
  const svid = await ca.issue(workload);
  const sessions = await Promise.all(
    [0, 1].map(() => speak(t, dialTls(t, server, { bundlePem: ca.bundlePem, svid }), 0)),
  );
  const mayLeave = Math.ceil(unreadBytesPerIdentityMax / answerBytes);
  const unread: ClientHttp2Stream[] = [];
  for (let i = 0; i < mayLeave; i++) {
    const stream = ask(sessions[i % 2] as ClientHttp2Session);
    unread.push(stream);
    await once(stream, 'response');
  }
  const over = ask(sessions[0] as ClientHttp2Session);
  await new Promise((resolve) => over.once('close', resolve));
  assert.deepEqual([over.rstCode, answered], [constants.NGHTTP2_REFUSED_STREAM, mayLeave]);
  const other = connectTo(t, server, { source: await ca.source('spiffe://stint.local/ci/build') });
  await other.call(access.RequestAccess, {});
  for (const stream of unread.slice(0, 2)) {
    stream.close();
    await new Promise((resolve) => stream.once('close', resolve));
  }
  await new Promise<void>((resolve) => sessions[1]?.ping(() => resolve()));
  await once(ask(sessions[1] as ClientHttp2Session), 'response');
});

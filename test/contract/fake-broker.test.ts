import { connectGrpc } from '@stint/common/grpc-client.ts';
import { systemClock } from '@stint/common/time.ts';
import { FakeBroker } from '../fakes/fake-broker.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { echoServerId } from '../harness/echo-server.ts';
import { SessionClient } from '../harness/served-sessions.ts';
import { TestCa } from '../harness/test-ca.ts';
import { brokerSessionContract } from './broker-session.ts';

let keys = 0;

function question(resource: string, action: string) {
  const idempotencyKey = `key-${String(++keys).padStart(8, '0')}`;
  return { requestAccess: { idempotencyKey, resource, action, justification: 'nightly report' } };
}

brokerSessionContract('the fake broker', async (scope) => {
  const ca = await TestCa.create();
  const broker = new FakeBroker(await ca.source(echoServerId));
  await broker.start();
  scope.after(() => broker.stop());
  const openAs = async (spiffeId: string) => {
    const tls = { source: await ca.source(spiffeId), expectedServer: echoServerId };
    const target = { ...broker.address, tls };
    const { log } = capturedLog();
    const channel = connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock: systemClock, log });
    scope.after(() => channel.close());
    return new SessionClient(channel);
  };
  return {
    open: () => openAs('spiffe://stint.local/ci'),
    openStranger: () => openAs('spiffe://stint.local/batch'),
    userQuestion: () => question('orders-db', 'read'),
    tokenQuestion: () => question('web', 'deploy'),
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      broker.gate = { body: 'requestAccess', open: promise };
      return resolve;
    },
  };
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { BusRefusedError, createBus } from '../../deploy/nats/create-bus.ts';
import { freePort } from '../../deploy/servers/free-port.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { type AuditBus, startAuditBus } from '../harness/audit-bus.ts';
import { skipWithoutNats } from '../harness/scratch-servers.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { testDomain, testTrust } from '../harness/test-broker.ts';

const launcher = path.join(repositoryRoot, 'services/cli/stint.mjs');
const admin = stintIds.natsAdmin(testDomain);

describe('setting up the bus', { skip: skipWithoutNats }, () => {
  const scope = suiteScope();
  let auditBus: AuditBus;
  before(async () => {
    const names = { brokers: ['b1'], viewers: ['siem'] };
    auditBus = await startAuditBus(scope, await testTrust(scope, systemClock), names);
  });

  /** A clock on which four seconds pass between looks: the second attempt is the last, whatever the machine. */
  function quickClock() {
    let at = 0;
    return { now: () => (at += 4_000) };
  }

  async function refusal(port: number, state?: Parameters<typeof createBus>[1]): Promise<BusRefusedError> {
    const own = (await auditBus.trust.source(admin)).current();
    const server = `127.0.0.1:${port}`;
    const thrown = await createBus(server, state ?? own, quickClock()).catch((fault: unknown) => fault);
    assert.ok(thrown instanceof BusRefusedError, String(thrown));
    assert.ok(thrown.message.startsWith(`bus at "${server}": `), thrown.message);
    return thrown;
  }

  test('a server that is not there is told as such, after another attempt', { timeout: 10_000 }, async () => {
    const { kind, why } = await refusal(await freePort());
    assert.equal(kind, 'unreachable');
    assert.equal(why, 'no server can be reached there: connection refused');
  });

  test('a server of another trust is told from one that is not there', { timeout: 10_000 }, async () => {
    const other = (await (await testTrust(scope, systemClock)).source(admin)).current();
    const { kind, why } = await refusal(auditBus.nats.current().port, other);
    assert.equal(kind, 'refused');
    assert.match(why, /^server and nats-admin do not accept each other: .*certificate/);
  });

  test('an identity that the server does not know is told as refused', { timeout: 10_000 }, async () => {
    const stranger = stintIds.viewer(testDomain, 'stranger');
    const { kind } = await refusal(
      auditBus.nats.current().port,
      (await auditBus.trust.source(stranger)).current(),
    );
    assert.equal(kind, 'refused');
  });

  test('the command ends also where somebody takes connections and never greets', {
    timeout: 30_000,
  }, async () => {
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    scope.after(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    const address = mute.address();
    assert.ok(typeof address === 'object' && address !== null);
    const directory = tempDir(scope);
    const { svid, bundlePem } = (await auditBus.trust.source(admin)).current();
    const write = (name: string, text: string | Buffer) =>
      writeFileSync(path.join(directory, name), text, { mode: 0o600 });
    write('svid.pem', svid.certificatesPem);
    write('svid.key', svid.privateKeyPem.revealText());
    write('bundle.pem', bundlePem);
    const order = ['bus', 'create', '--server', `127.0.0.1:${address.port}`, '--svid', directory];
    await assert.rejects(promisify(execFile)(process.execPath, [launcher, ...order]), {
      code: 1,
      stderr: /why: what listens there does not answer as a bus: .*\n {2}fix: .*\n {2}code: BUS_UNUSABLE/,
    });
  });
});

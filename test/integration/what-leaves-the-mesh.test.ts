import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { bus } from '@stint/common/bus.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { everyEvent, type LoggedEvent, requireSound } from '../harness/mesh-soundness.ts';
import {
  MeshUnderTest,
  processesNaming,
  readDemo,
  readOrders,
  skipWithoutMesh,
} from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { until } from '../harness/until.ts';

/** How long an event may take from its commit to a viewer on a busy machine, in milliseconds. */
const deadlineMs = 15_000;

describe('what leaves the mesh', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;

  before(async () => {
    at = await MeshUnderTest.start(suite);
  });

  /** Takes a database user and a token, uses, renews and gives them back; asks for what is denied. What was secret in it. */
  async function story() {
    const { token: joinToken } = await at.admin.call(services.admin.CreateJoinToken, {
      spiffeId: pipeline,
    });
    const ci = at.unary(await at.attestWith(joinToken, pipeline));
    const { grant, credential } = await at.sidecar.call(services.sidecar.Acquire, readDemo);
    assert.ok(grant && credential?.database);
    assert.equal(await readOrders(credential.database), 5);
    const asked = { ...readDemo, idempotencyKey: `story-${grant.id}` };
    const workload = at.unary(await at.attest(devMesh.workload));
    const first = await workload.call(services.access.RequestAccess, asked);
    const again = await workload.call(services.access.RequestAccess, asked);
    const deploy = { resource: 'demo-api', action: 'deploy', justification: 'release 41' };
    const issued = await ci.call(services.access.RequestAccess, {
      ...deploy,
      idempotencyKey: asked.idempotencyKey,
    });
    await assert.rejects(at.sidecar.call(services.sidecar.Acquire, { ...readDemo, action: 'write' }));
    const grantIds = [grant.id, first.grant?.id ?? '', issued.grant?.id ?? ''];
    await at.sidecar.call(services.sidecar.Release, { grantId: grant.id, waitContained: true });
    await workload.call(services.access.CompleteGrant, { grantId: grantIds[1] ?? '', waitContained: true });
    await ci.call(services.access.CompleteGrant, { grantId: grantIds[2] ?? '' });
    const token = issued.credential?.token?.token ?? '';
    return {
      grantIds,
      secrets: {
        'a database password': credential.database.password,
        'a password of a first answer': first.credential?.database?.password ?? '',
        'a password of a repeated answer': again.credential?.database?.password ?? '',
        'a grant token': token.split('.')[2] ?? '',
        'a join token': joinToken,
      },
    };
  }

  describe('an outside auditor with a stock NATS client and an SVID', () => {
    let stock: NatsConnection;
    /** What the server said against the connection. */
    const faults: string[] = [];

    before(async () => {
      const viewer = stintIds.viewer(devMesh.trustDomain, 'siem');
      stock = await connectStock(await at.mesh.admin.mint(viewer, 3_600_000));
      suite.after(() => stock.close());
      void (async () => {
        for await (const status of stock.status())
          if (status.type === 'error') faults.push(String(status.error));
      })();
    });

    function connectStock({ svid, bundlePem }: SvidState): Promise<NatsConnection> {
      const tls = { cert: svid.certificatesPem, key: svid.privateKeyPem.revealText(), ca: bundlePem };
      const inboxPrefix = bus.inboxPrefix('viewer_siem');
      return connect({ servers: `127.0.0.1:${at.mesh.ports.nats}`, tls, inboxPrefix });
    }

    test("hears of a grant's whole life while it happens, each event as it stands in the log", async () => {
      const heard: { index: number; event: LoggedEvent; subject: string }[] = [];
      stock.subscribe('auditlog.>', {
        callback: (_fault, message) => {
          const index = Number(message.headers?.get('Stint-Index'));
          heard.push({ index, event: message.json(), subject: message.subject });
        },
      });
      await stock.flush();
      const { grant } = await at.sidecar.call(services.sidecar.Acquire, { ...readDemo, fresh: true });
      const grantId = grant?.id ?? '';
      await at.sidecar.call(services.sidecar.Release, { grantId, waitContained: true });
      const ofGrant = () => heard.filter(({ event }) => event.grant_id === grantId);
      await until('its end is heard', deadlineMs, () =>
        ofGrant().some(({ event }) => event.type === 'grant.ended'),
      );
      assert.deepEqual(
        ofGrant().map(({ event }) => event.type),
        [
          'grant.decided',
          'lease.activated',
          'lease.revoking',
          'lease.contained',
          'lease.revoked',
          'grant.ended',
        ],
      );
      const logged = await everyEvent(at);
      for (const { index, event, subject } of heard) {
        assert.deepEqual(event, logged[index]);
        assert.equal(subject, `auditlog.${event.type}`);
      }
    });

    const forbidden: Record<string, () => Promise<unknown>> = {
      'say something in the feed': () => stock.request('auditlog.grant.ended', '{}', { timeout: 1_000 }),
      'say something to the auditor': () => stock.request('audit.b1', 'x', { timeout: 1_000 }),
      'send a broker a receipt': () => stock.request('receipt.b1', 'x', { timeout: 1_000 }),
      'purge the stream': () => stock.request('$JS.API.STREAM.PURGE.AUDIT', '', { timeout: 1_000 }),
      'delete the stream': () => stock.request('$JS.API.STREAM.DELETE.AUDIT', '', { timeout: 1_000 }),
      'delete a message': () =>
        stock.request('$JS.API.STREAM.MSG.DELETE.AUDIT', '{"seq":1}', { timeout: 1_000 }),
      'read the stream': async () =>
        (await jetstreamManager(stock, { checkAPI: false, timeout: 1_000 })).streams.info(bus.stream),
      'listen to what brokers send': () => refusal(stock, 'audit.>'),
      'listen to receipts': () => refusal(stock, 'receipt.>'),
      'listen to everything': () => refusal(stock, '>'),
      "listen to another's answers": () => refusal(stock, '_INBOX.>'),
    };
    for (const [what, attempt] of Object.entries(forbidden)) {
      test(`cannot ${what}`, async () => {
        const before = faults.length;
        await assert.rejects(attempt());
        const refused = await until('the server says why', deadlineMs, () => faults[before]);
        assert.match(refused, /permissions violation/i);
      });
    }

    test('and nothing of what it tried has had an effect', async () => {
      await requireSound(at);
      const status = await at.auditor.call(services.audit.GetStatus, {});
      assert.equal(status.quarantined, 0);
    });
  });

  test('no secret of a whole story is in any log, store, stream, record or command line', async () => {
    const { grantIds, secrets } = await story();
    const events = JSON.stringify(await everyEvent(at));
    const files = stateFiles(at.directory);
    // The search sees what it must: the grants stand in the broker's store, the stream and the log.
    for (const part of ['broker/broker.db', 'nats/jetstream', 'log/records.db'])
      assert.ok(
        files.some(({ name, bytes }) => name.startsWith(part) && bytes.includes(grantIds[0] ?? '')),
        part,
      );
    assert.ok(events.includes(grantIds[0] ?? ''));
    const lines = processesNaming(at.directory).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    assert.ok(lines.length >= 4);
    for (const [what, secret] of Object.entries(secrets)) {
      assert.ok(secret.length >= 16, what);
      assert.deepEqual(filesWith(files, secret), [], what);
      assert.ok(!events.includes(secret), what);
      assert.ok(!lines.some((line) => line.includes(secret)), what);
    }
  });

  test('what must be kept stands in its own private file and nowhere else', () => {
    const files = stateFiles(at.directory);
    const kept = [
      'postgresql/secrets/broker.password',
      'postgresql/secrets/superuser.password',
      'broker/ca/root.pem',
      'broker/ca/issuing.pem',
      'sidecar/svid.json',
      'auditor/svid.json',
      'nats/svid.key',
    ];
    for (const name of kept) {
      const file = files.find((found) => found.name === name);
      assert.ok(file, `${name} is there`);
      assert.equal(statSync(path.join(at.directory, name)).mode & 0o077, 0, `${name} is private`);
      assert.deepEqual(filesWith(files, secretOf(file.bytes)), [name]);
    }
  });
});

const pipeline = parseSpiffeId('spiffe://stint.local/demo/ci-deploy');

type StateFile = { readonly name: string; readonly bytes: Buffer };

/** Every file of a mesh with its content: logs, stores, streams, the target's data, keys. */
function stateFiles(directory: string): StateFile[] {
  return globSync('**', { cwd: directory, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => ({ name: path.relative(directory, file), bytes: readFileSync(file) }));
}

function filesWith(files: readonly StateFile[], secret: string): string[] {
  return files.filter(({ bytes }) => bytes.includes(secret)).map(({ name }) => name);
}

/** What of a key file's content would be a leak anywhere else: a line of its private key, or all of it. */
function secretOf(bytes: Buffer): string {
  const text = bytes.toString();
  const key = /-----BEGIN PRIVATE KEY-----(?:\n|\\n)([A-Za-z0-9+/=]+)(?:\n|\\n)([A-Za-z0-9+/=]+)/.exec(text);
  return key?.[2] ?? text.trim();
}

/** Why a subscription was refused. */
async function refusal(connection: NatsConnection, subject: string): Promise<never> {
  const fault = await connection.subscribe(subject, { callback: () => undefined }).closed;
  throw fault ?? new Error('closed');
}

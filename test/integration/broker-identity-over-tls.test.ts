import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { services } from '@stint/common/proto.ts';
import { isBrokerId, parseSpiffeId, type SpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { openAttestedSvidSource } from '@stint/common/svid-source.ts';
import { brokerUpstream } from '@stint/common/svid-upstream.ts';
import { systemClock } from '@stint/common/time.ts';
import { openLocalSvidSource } from '../../services/broker/ca/local-svid-source.ts';
import { attestationsPerAddress } from '../../services/broker/rpc/attestation-rate.ts';
import { attestationService } from '../../services/broker/rpc/attestation-service.ts';
import { identityService, rotationsPerIdentityMax } from '../../services/broker/rpc/identity-service.ts';
import { type IdentityBroker, identityBroker, silentLog, trustDomain } from '../harness/identity-broker.ts';
import { type Scope, tempDir } from '../harness/temp-dir.ts';

const workload = parseSpiffeId('spiffe://stint.test/ci/deploy');
const brokerId = parseSpiffeId('spiffe://stint.test/stint/broker/b1');

type TestScope = Scope & { after(undo: () => void | Promise<void>): void };

/** The broker's two TLS listeners on free ports, served under the given SPIFFE ID. */
async function serve(t: TestScope, broker: IdentityBroker, spiffeId: SpiffeId = brokerId) {
  const source = await openLocalSvidSource({
    issuer: broker.ca,
    spiffeId,
    ttlMs: 3_600_000,
    clock: systemClock,
    random: Math.random,
    recordRotation: () => Promise.resolve(),
    onFailure: (failure) => assert.fail(String(failure)),
  });
  const listener = (requireClientSvid: boolean) =>
    ({ kind: 'tcp', host: '127.0.0.1', port: 0, tls: { source, requireClientSvid, trustDomain } }) as const;
  const server = await startGrpcServer({
    name: 'broker',
    listeners: [listener(true), listener(false)],
    services: [attestationService(broker.attestWorkload, systemClock), identityService(broker.rotateSvid)],
    log: silentLog,
    clock: systemClock,
  });
  t.after(() => server.close(1_000));
  const [mesh, bootstrap] = server.addresses.map((address) => ({
    host: '127.0.0.1',
    port: address.kind === 'tcp' ? address.port : 0,
  }));
  assert.ok(mesh !== undefined && bootstrap !== undefined);
  return { mesh, bootstrap };
}

async function world(t: TestScope, servedAs?: SpiffeId) {
  const directory = tempDir(t);
  const broker = await identityBroker({ directory, clock: systemClock });
  broker.identities.set(workload, 'active');
  const addresses = await serve(t, broker, servedAs);
  const bundleFile = path.join(directory, 'bundle.pem');
  writeFileSync(bundleFile, broker.ca.bundlePem);
  const joinTokenFile = path.join(directory, 'join-token');
  const { token } = await broker.createJoinToken.execute({ spiffeId: workload });
  writeFileSync(joinTokenFile, token.revealText(), { mode: 0o600 });
  const upstream = brokerUpstream({
    ...addresses,
    trustDomain,
    bundleFile,
    clock: systemClock,
    log: silentLog,
  });
  const open = () =>
    openAttestedSvidSource({
      trustDomain,
      joinTokenFile,
      stateFile: path.join(directory, 'sidecar/svid.json'),
      upstream,
      clock: systemClock,
      random: Math.random,
      log: silentLog,
    });
  const source = await open();
  const isTokenUnspent = async () =>
    (
      await broker.attestWorkload.execute(
        { kind: 'joinToken', joinToken: token },
        (
          await newSvidKey()
        ).csrDer,
      )
    ).spiffeId === workload;
  return { broker, addresses, bundleFile, open, source, isTokenUnspent };
}

describe('identity over real TLS', () => {
  it('is got by join token on the bootstrap listener and rotated by mutual TLS on the mesh listener', async (t) => {
    const { source, broker } = await world(t);
    await source.attempt();
    const first = source.current().svid;
    assert.equal(first.spiffeId, workload);
    await source.attempt();
    assert.notEqual(source.current().svid.sha256, first.sha256);
    const rotated = broker.events.at(-1);
    assert.deepEqual(
      [rotated?.type, rotated?.actor.spiffe_id, rotated?.actor.svid_sha256],
      ['svid.issued', workload, first.sha256],
    );
  });

  it('kept for the next process is taken up under the trust bundle in the file', async (t) => {
    const { source, open, broker, bundleFile } = await world(t);
    await source.attempt();
    assert.equal((await open()).current().svid.sha256, source.current().svid.sha256);
    const stranger = await identityBroker({ directory: tempDir(t), clock: systemClock });
    writeFileSync(bundleFile, stranger.ca.bundlePem + broker.ca.bundlePem);
    assert.equal((await open()).status().state, 'valid');
    writeFileSync(bundleFile, stranger.ca.bundlePem);
    assert.equal((await open()).status().state, 'none');
  });

  it('is not asked of a server that is no broker: the token is not sent', async (t) => {
    const { source, isTokenUnspent } = await world(t, parseSpiffeId('spiffe://stint.test/bot/impostor'));
    await assert.rejects(source.attempt(), (e) => isServiceError(e, 'BROKER_UNAVAILABLE'));
    assert.ok(await isTokenUnspent());
  });

  it('is not asked of a server under another root: the token is not sent', async (t) => {
    const { source, bundleFile, isTokenUnspent } = await world(t);
    const stranger = await identityBroker({ directory: tempDir(t), clock: systemClock });
    writeFileSync(bundleFile, stranger.ca.bundlePem);
    await assert.rejects(source.attempt(), (e) => isServiceError(e, 'BROKER_UNAVAILABLE'));
    assert.ok(await isTokenUnspent());
  });

  it('is not asked of anybody without a trust bundle, and the text says which file is missing', async (t) => {
    const { source, bundleFile } = await world(t);
    writeFileSync(bundleFile, 'nothing');
    await assert.rejects(
      source.attempt(),
      (e) => isServiceError(e, 'IDENTITY_NOT_READY') && e.message.includes(bundleFile),
    );
  });

  it('is not rotated for a caller who shows no SVID', async (t) => {
    const { addresses, broker } = await world(t);
    const { csrDer } = await newSvidKey();
    for (const address of [addresses.bootstrap, addresses.mesh]) {
      const tls = { bundlePem: broker.ca.bundlePem, expectedServer: { trustDomain, accepts: isBrokerId } };
      const channel = connectGrpc({
        target: { ...address, tls },
        unavailable: 'BROKER_UNAVAILABLE',
        clock: systemClock,
        log: silentLog,
      });
      t.after(() => channel.close());
      const call = channel.call(services.identity.RotateSvid, { csr: csrDer });
      await assert.rejects(call, (e) => isServiceError(e, 'METHOD_NOT_ALLOWED', 'PEER_UNAUTHENTICATED'));
    }
    assert.deepEqual(
      broker.events.map((event) => event.type),
      ['identity.join_token_created'],
    );
  });

  it('is not given for a request without a proof, or with a malformed one', async (t) => {
    const { addresses, broker } = await world(t);
    const tls = { bundlePem: broker.ca.bundlePem, expectedServer: { trustDomain, accepts: isBrokerId } };
    const channel = connectGrpc({
      target: { ...addresses.bootstrap, tls },
      unavailable: 'BROKER_UNAVAILABLE',
      clock: systemClock,
      log: silentLog,
    });
    t.after(() => channel.close());
    const csr = (await newSvidKey()).csrDer;
    const { Attest } = services.attestation;
    await assert.rejects(channel.call(Attest, { csr }), (e) => isServiceError(e, 'INVALID_FIELD'));
    await assert.rejects(channel.call(Attest, { joinToken: '', csr }), (e) =>
      isServiceError(e, 'ATTESTATION_FAILED'),
    );
    await assert.rejects(channel.call(Attest, { joinToken: 'x\n\u0000'.repeat(100), csr }), (e) =>
      isServiceError(e, 'ATTESTATION_FAILED'),
    );
    await assert.rejects(channel.call(Attest, { joinToken: 'x', csr: Buffer.alloc(5_000) }), (e) =>
      isServiceError(e, 'MESSAGE_TOO_LARGE'),
    );
    await assert.rejects(channel.call(Attest, { joinToken: 'x'.repeat(10_000), csr }), (e) =>
      isServiceError(e, 'MESSAGE_TOO_LARGE'),
    );
  });

  it('is not rotated for one identity so often at once that others must wait', async (t) => {
    const { source, addresses, broker } = await world(t);
    await source.attempt();
    const tls = { source, expectedServer: { trustDomain, accepts: isBrokerId } };
    const target = { ...addresses.mesh, tls };
    const options = {
      target,
      unavailable: 'BROKER_UNAVAILABLE',
      clock: systemClock,
      log: silentLog,
    } as const;
    const channel = connectGrpc(options);
    t.after(() => channel.close());
    const held = Promise.withResolvers<never>();
    broker.rotateSvid.execute = () => held.promise;
    const rotations = Array.from({ length: rotationsPerIdentityMax + 1 }, () =>
      channel.call(services.identity.RotateSvid, {}),
    );
    await assert.rejects(Promise.race(rotations), { reason: 'RATE_LIMITED', retryAfterMs: 200 });
    held.reject(new ServiceError('STORE_UNAVAILABLE', 'enough'));
    const ends = await Promise.allSettled(rotations);
    const reasons = ends.map((end) => end.status === 'rejected' && end.reason.reason);
    assert.equal(reasons.filter((reason) => reason === 'RATE_LIMITED').length, 1);
  });

  it('are bounded: who tries too often from one address is told when to come again, before anything is looked at', async (t) => {
    const { addresses, broker } = await world(t);
    const tls = { bundlePem: broker.ca.bundlePem, expectedServer: { trustDomain, accepts: isBrokerId } };
    const target = { ...addresses.bootstrap, tls };
    const options = {
      target,
      unavailable: 'BROKER_UNAVAILABLE',
      clock: systemClock,
      log: silentLog,
    } as const;
    const channel = connectGrpc(options);
    t.after(() => channel.close());
    const csr = (await newSvidKey()).csrDer;
    let guesses = 0;
    for (let refusal: unknown; ; guesses++) {
      assert.ok(guesses < 2 * attestationsPerAddress.burst, 'it never ends');
      refusal = await channel
        .call(services.attestation.Attest, { joinToken: 'a guess', csr })
        .catch((thrown: unknown) => thrown);
      if (isServiceError(refusal, 'ATTESTATION_FAILED')) continue;
      assert.ok(isServiceError(refusal, 'RATE_LIMITED'), String(refusal));
      assert.ok(
        (refusal.retryAfterMs ?? 0) > 0 && (refusal.retryAfterMs ?? 0) <= attestationsPerAddress.intervalMs,
      );
      break;
    }
    assert.ok(guesses >= attestationsPerAddress.burst);
  });
});

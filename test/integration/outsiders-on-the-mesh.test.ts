import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { isServiceError } from '@stint/common/errors.ts';
import {
  type CallableMethod,
  type ClientTls,
  connectGrpc,
  type GrpcChannel,
} from '@stint/common/grpc-client.ts';
import { createLog } from '@stint/common/log.ts';
import { leafHash, verifyConsistency, verifyInclusion } from '@stint/common/merkle.ts';
import { services } from '@stint/common/proto.ts';
import { openNote, parseCheckpoint, parseVerifierKey } from '@stint/common/signed-note.ts';
import { parseSpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import type { SvidSource, SvidState } from '@stint/common/x509-svid.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { requireSound } from '../harness/mesh-soundness.ts';
import { MeshUnderTest, skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { TestCa } from '../harness/test-ca.ts';

const { trustDomain } = devMesh;

describe('who is no workload, on the ports of the mesh', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let viewer: SvidState;

  before(async () => {
    at = await MeshUnderTest.start(suite);
    viewer = await at.mesh.admin.mint(stintIds.viewer(trustDomain, 'siem'), 3_600_000);
  });

  /** The auditor's mesh port, shown that SVID, or none. */
  function auditorBy(state: SvidState | undefined): GrpcChannel {
    const source: SvidSource | undefined = state && { current: () => state, onChange: () => () => undefined };
    const expectedServer = stintIds.auditor(trustDomain);
    const bundlePem = readFileSync(at.mesh.paths.trustBundle, 'utf8');
    const tls: ClientTls = source ? { expectedServer, source } : { expectedServer, bundlePem };
    const channel = connectGrpc({
      target: { host: '127.0.0.1', port: at.mesh.ports.auditor, tls },
      unavailable: 'AUDIT_UNAVAILABLE',
      clock: systemClock,
      log: createLog({ service: 'test', level: 'silent' }),
    });
    suite.after(() => channel.close());
    return channel;
  }

  /** Every method of a service by name, called with an empty request. */
  const callEach = (service: object) =>
    Object.entries(service).map(([name, method]) => ({
      name,
      call: async (channel: GrpcChannel) => {
        const callable = method as CallableMethod<object, object> & {
          responseStream: boolean;
          requestStream: boolean;
        };
        if (!callable.responseStream) return channel.call(callable, {});
        if (!callable.requestStream) for await (const page of channel.serverStream(callable, {})) return page;
        for await (const answer of channel.bidi(callable)) return answer;
        return undefined;
      },
    }));

  test('an outside auditor queries the log by its SVID alone, and proves what it was told', async () => {
    const auditor = auditorBy(viewer);
    const { checkpoint: note, verifierKey } = await auditor.call(services.audit.GetCheckpoint, {});
    assert.equal(verifierKey, readFileSync(path.join(at.mesh.paths.log, 'log.vkey'), 'utf8').trim());
    const verifier = parseVerifierKey(verifierKey);
    assert.ok(verifier);
    const open = (text: string) => {
      const checkpoint = parseCheckpoint(openNote(text, verifier) ?? '');
      assert.ok(checkpoint);
      return checkpoint;
    };
    const old = open(note);
    for await (const { records } of auditor.serverStream(services.audit.TailRecords, { fromIndex: 0 })) {
      assert.equal(records[0]?.index, 0);
      break;
    }
    const { records } = await auditor.call(services.audit.ListRecords, { pageSize: 2 });
    assert.equal(records.length, 2);
    for (const { index, leaf } of records) {
      const proof = await auditor.call(services.audit.GetInclusionProof, {
        index,
        record: 'index',
        wait: true,
      });
      const { size, root } = open(proof.checkpoint);
      assert.ok(verifyInclusion({ index, size, leaf: leafHash(leaf), hashes: proof.hashes, root }));
    }
    const proof = await auditor.call(services.audit.GetConsistencyProof, { oldSize: old.size });
    const newest = open(proof.checkpoint);
    const sizes = { oldSize: old.size, newSize: newest.size };
    assert.ok(verifyConsistency({ ...sizes, oldRoot: old.root, newRoot: newest.root, hashes: proof.hashes }));
    const status = await auditor.call(services.audit.GetStatus, {});
    assert.ok(status.size >= newest.size);
  });

  for (const { name, call } of callEach(services.auditAdmin))
    test(`a viewer cannot call ${name}: it is not served to the mesh`, async () => {
      await assert.rejects(call(auditorBy(viewer)), { reason: 'METHOD_NOT_ALLOWED' });
    });

  for (const service of ['access', 'admin', 'attestation'] as const)
    for (const { name, call } of callEach(services[service]))
      test(`a viewer cannot call ${service} ${name} at the broker`, async () => {
        await assert.rejects(call(at.unary(viewer)), { reason: 'METHOD_NOT_ALLOWED' });
      });

  test('what was minted cannot be made to live longer: it is not rotated', async () => {
    for (const id of [
      stintIds.viewer(trustDomain, 'siem'),
      stintIds.natsAdmin(trustDomain),
      stintIds.nats(trustDomain),
    ]) {
      const state = await at.mesh.admin.mint(id, 60_000);
      const csr = Buffer.alloc(0);
      await assert.rejects(at.unary(state).call(services.identity.RotateSvid, { csr }), {
        reason: 'IDENTITY_UNKNOWN',
      });
    }
  });

  for (const { name, call } of callEach(services.audit))
    test(`nobody but a viewer can call ${name} at the auditor`, async () => {
      const others = [
        await at.attest(devMesh.workload),
        await at.mesh.admin.mint(stintIds.natsAdmin(trustDomain), 60_000),
        await at.mesh.admin.mint(stintIds.nats(trustDomain), 60_000),
      ];
      for (const other of others)
        await assert.rejects(call(auditorBy(other)), { reason: 'METHOD_NOT_ALLOWED' }, other.svid.spiffeId);
      await assert.rejects(call(auditorBy(undefined)), (thrown) =>
        isServiceError(thrown, 'PEER_UNAUTHENTICATED', 'AUDIT_UNAVAILABLE'),
      );
    });

  describe('on the bus', () => {
    /** A refused client sees the server's word, or only that the connection is gone, whichever comes first. */
    const refusal = /certificate|authorization violation|disconnect|closed|ECONNRESET/i;
    const enter = async (tls: object) => {
      const servers = `127.0.0.1:${at.mesh.ports.nats}`;
      await (await connect({ servers, tls, reconnect: false })).close();
    };
    const refuses = (tls: object) => assert.rejects(enter(tls), (thrown) => refusal.test(String(thrown)));
    const by = ({ svid, bundlePem }: SvidState) => ({
      cert: svid.certificatesPem,
      key: svid.privateKeyPem.revealText(),
      ca: bundlePem,
    });

    test('the identity that the bus knows comes in the same way', async () => {
      await enter(by(viewer));
    });

    test('TLS alone, without a certificate, does not let a relay in', async () => {
      await refuses({ ca: viewer.bundlePem });
    });

    test('a workload’s SVID does not let a relay in: the bus knows no such user', async () => {
      await refuses(by(await at.attest(devMesh.workload)));
    });

    test('a broker’s name by another CA does not let a relay in', async () => {
      const foreign = await (await TestCa.create()).issue(
        parseSpiffeId('spiffe://stint.local/stint/broker/b1'),
      );
      await refuses({ ...by(foreign), ca: viewer.bundlePem });
    });

    test('a broker that the bus was not told of is not let in, though by the mesh’s own CA', async () => {
      const ca = await TestCa.ofBroker(path.join(at.directory, 'broker', 'ca'));
      const b2 = await ca.issue(stintIds.broker(trustDomain, 'b2'));
      await refuses({ ...by(b2), ca: viewer.bundlePem });
    });
  });

  test('nothing of what they tried has had an effect', async () => {
    await requireSound(at);
    const { quarantined } = await at.auditor.call(services.audit.GetStatus, {});
    assert.equal(quarantined, 0);
  });
});

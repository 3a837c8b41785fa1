import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { type ErrorReason, isServiceError } from '@stint/common/errors.ts';
import type { RequestAccessRequest } from '@stint/common/gen/stint/broker/v1/RequestAccessRequest.ts';
import type { RequestAccessResponse__Output } from '@stint/common/gen/stint/broker/v1/RequestAccessResponse.ts';
import { listenOnUnixSocket } from '@stint/common/grpc/unix-socket.ts';
import type { GrpcChannel } from '@stint/common/grpc-client.ts';
import { fromRpcStatus } from '@stint/common/grpc-status.ts';
import { services } from '@stint/common/proto.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import type { SvidState } from '@stint/common/x509-svid.ts';
import { devMesh } from '../../deploy/mesh/mesh.ts';
import { repositoryRoot } from '../../deploy/tools.ts';
import { everyEvent, requireSound, storedGrants } from '../harness/mesh-soundness.ts';
import { MeshUnderTest, readDemo, readOrders, skipWithoutMesh } from '../harness/mesh-under-test.ts';
import { suiteScope } from '../harness/suite-scope.ts';
import { tempDir } from '../harness/temp-dir.ts';
import { type LeafOptions, TestCa } from '../harness/test-ca.ts';
import { until } from '../harness/until.ts';

/** What a request holds that is wrong, why it is refused, and what of it stands in the log afterwards. */
type BadRequest = {
  readonly with: Partial<RequestAccessRequest>;
  readonly reason: ErrorReason;
  readonly isRecorded?: boolean;
  readonly says?: RegExp;
};

const badRequests: Record<string, BadRequest> = {
  'a lifetime of zero': { with: { ttl: { seconds: 0, nanos: 0 } }, reason: 'TTL_OUT_OF_RANGE' },
  'a negative lifetime': { with: { ttl: { seconds: -60, nanos: 0 } }, reason: 'TTL_OUT_OF_RANGE' },
  'a lifetime above the maximum': {
    with: { ttl: { seconds: 2 * 86_400, nanos: 0 } },
    reason: 'TTL_OUT_OF_RANGE',
    says: /ttl: .+ is not within 1s and 1d/,
  },
  'a lifetime that is no duration': {
    with: { ttl: { seconds: 5, nanos: -1 } },
    reason: 'INVALID_FIELD',
    says: /ttl/,
  },
  'a justification of 10 MB': {
    with: { justification: 'x'.repeat(10 * 1_048_576) },
    reason: 'MESSAGE_TOO_LARGE',
  },
  'a justification of 2 KB': {
    with: { justification: 'x'.repeat(2_048) },
    reason: 'INVALID_FIELD',
    says: /justification: 2048 bytes; it must be at most 1024 bytes/,
  },
  'a line break': { with: { justification: 'one\ntwo' }, reason: 'INVALID_FIELD', says: /line break/ },
  'a control character': { with: { justification: 'a\u0007b' }, reason: 'INVALID_FIELD' },
  'a mark that turns text around': { with: { justification: 'a\u202eb' }, reason: 'INVALID_FIELD' },
  'a line break in a context value': {
    with: { context: { ticket: 'A-1\r\nroot: yes' } },
    reason: 'INVALID_FIELD',
    says: /context\.ticket/,
  },
  'a context key that is none': { with: { context: { 'Ticket!': 'A-1' } }, reason: 'INVALID_FIELD' },
  'a resource with a line break': { with: { resource: 'demo-db\n' }, reason: 'INVALID_FIELD' },
  'no action': { with: { action: '' }, reason: 'INVALID_FIELD', says: /action: it is missing/ },
  'an idempotency key with a blank': { with: { idempotencyKey: 'not a key' }, reason: 'INVALID_FIELD' },
  'an unknown resource': {
    with: { resource: 'demo-dbb' },
    reason: 'RESOURCE_NOT_FOUND',
    isRecorded: true,
    says: /demo-dbb/,
  },
  'an unknown action': { with: { action: 'reed' }, reason: 'PROFILE_NOT_FOUND', isRecorded: true },
  'an action that policy denies': { with: { action: 'write' }, reason: 'GRANT_DENIED', isRecorded: true },
};

describe('bad input to a whole mesh', { skip: skipWithoutMesh }, () => {
  const suite = suiteScope();
  let at: MeshUnderTest;
  let workload: GrpcChannel;
  let bundle: string;
  let lastKey = 0;

  before(async () => {
    bundle = path.join(tempDir(suite), 'bundle');
    cpSync(path.join(repositoryRoot, 'deploy/demo'), bundle, { recursive: true });
    at = await MeshUnderTest.start(suite, { args: { broker: ['--bundle-dir', bundle] } });
    workload = at.unary(await at.attest(devMesh.workload));
    // Sidecar, auditor and this workload: what a part writes while it starts must not be taken for what bad input wrote.
    await until('every part has attested', 20_000, async () => {
      const attested = (await everyEvent(at)).filter(({ type }) => type === 'identity.attested');
      return attested.length >= 3;
    });
  });

  const calls: Record<string, (request: RequestAccessRequest) => Promise<unknown>> = {
    'of a sidecar': (request) =>
      at.sidecar.call(services.sidecar.Acquire, { ...request, fresh: true }, { deadlineMs: 20_000 }),
    'on a session of its own': (request) => askOnSession(workload, request),
    'by a unary call': (request) => workload.call(services.access.RequestAccess, request),
  };

  /** What the mesh has written down so far. */
  async function written() {
    const [{ auditSequence, leases }, grants, roles] = await Promise.all([
      at.admin.call(services.admin.GetStatus, {}),
      storedGrants(at),
      at.roles(),
    ]);
    return { events: auditSequence, leases: { ...leases }, grants: grants.length, roles: roles.length };
  }

  for (const [what, bad] of Object.entries(badRequests)) {
    for (const [how, call] of Object.entries(calls)) {
      test(`${what}, ${how}: ${bad.reason}, and nothing is half-written`, async () => {
        lastKey += 1;
        const before = await written();
        const request = { ...readDemo, idempotencyKey: `bad-input-${lastKey}`, ...bad.with };
        await assert.rejects(call(request), (thrown) => {
          assert.ok(isServiceError(thrown, bad.reason), String(thrown));
          assert.match(thrown.message, bad.says ?? /./);
          return true;
        });
        assert.deepEqual(await written(), { ...before, events: before.events + (bad.isRecorded ? 1 : 0) });
      });
    }
  }

  test('a key that is used again: the same grant with a credential that works, and a refusal for another body', async () => {
    const request = { ...readDemo, idempotencyKey: 'used-again' };
    const first = await workload.call(services.access.RequestAccess, request);
    const again = await workload.call(services.access.RequestAccess, request);
    assert.deepEqual([first.replayed, again.replayed], [false, true]);
    assert.equal(again.grant?.id, first.grant?.id);
    assert.equal(again.lease?.id, first.lease?.id);
    assert.ok(again.credential?.database);
    assert.equal(await readOrders(again.credential.database), 5);
    const before = await written();
    const other = { ...request, justification: 'something else' };
    await assert.rejects(workload.call(services.access.RequestAccess, other), {
      reason: 'IDEMPOTENCY_KEY_REUSED',
    });
    await assert.rejects(at.sidecar.call(services.sidecar.Acquire, { ...other, fresh: true }), {
      reason: 'IDEMPOTENCY_KEY_REUSED',
    });
    assert.deepEqual(await written(), before);
    const grantId = first.grant?.id ?? '';
    await workload.call(services.access.CompleteGrant, { grantId, waitContained: true });
    await assert.rejects(workload.call(services.access.RequestAccess, request), { reason: 'GRANT_ENDED' });
  });

  test('a trace that is none, on a session of its own: the request is served without it, and the log goes on', async () => {
    const hostile = ['00-x\r\nNats-Msg-Id: stolen', '0'.repeat(60_000), '00-\u0000', 'x'];
    for (const [i, traceparent] of hostile.entries()) {
      const asked = { ...readDemo, idempotencyKey: `hostile-trace-${i}` };
      const { grant } = await askOnSession(workload, asked, traceparent);
      await workload.call(services.access.CompleteGrant, { grantId: grant?.id ?? '', waitContained: true });
    }
    const events = await everyEvent(at);
    assert.ok(!JSON.stringify(events).includes('stolen'));
  });

  const wrongIds: Record<string, [string, ErrorReason]> = {
    'without a scheme': ['stint.local/demo/report-job', 'INVALID_FIELD'],
    'with an empty segment': ['spiffe://stint.local//report-job', 'INVALID_FIELD'],
    'with a dot segment': ['spiffe://stint.local/demo/../admin', 'INVALID_FIELD'],
    'with a port': ['spiffe://stint.local:80/demo', 'INVALID_FIELD'],
    'with a query': ['spiffe://stint.local/demo?x=1', 'INVALID_FIELD'],
    'with a line break': ['spiffe://stint.local/demo\n', 'INVALID_FIELD'],
    'of 3 KB': [`spiffe://stint.local/${'a'.repeat(3_000)}`, 'INVALID_FIELD'],
    'of a foreign trust domain': ['spiffe://evil.example/demo/report-job', 'IDENTITY_UNKNOWN'],
    'that nobody registered': ['spiffe://stint.local/demo/nobody', 'IDENTITY_UNKNOWN'],
  };
  for (const [what, [spiffeId, reason]] of Object.entries(wrongIds)) {
    test(`a join token for a SPIFFE ID ${what}: ${reason}, and there is none`, async () => {
      const before = await written();
      await assert.rejects(at.admin.call(services.admin.CreateJoinToken, { spiffeId }), { reason });
      assert.deepEqual(await written(), before);
    });
  }

  test('a join token that is spent, invented or cut off: ATTESTATION_FAILED, in the same words', async () => {
    const { token } = await at.admin.call(services.admin.CreateJoinToken, { spiffeId: devMesh.workload });
    await at.attestWith(token, devMesh.workload);
    const texts = new Set<string>();
    for (const wrong of [token, `${token.slice(0, -4)}AAAA`, token.slice(0, 10), '']) {
      await assert.rejects(at.attestWith(wrong, devMesh.workload), (thrown) => {
        assert.ok(isServiceError(thrown, 'ATTESTATION_FAILED'), String(thrown));
        texts.add(thrown.message);
        return true;
      });
    }
    assert.equal(texts.size, 1, [...texts].join('; '));
  });

  describe('a certificate', () => {
    const now = Date.now();
    const wrongLeaves: Record<string, LeafOptions> = {
      'that has expired': { notBefore: now - 7_200_000, notAfter: now - 3_600_000 },
      'that is for servers only': { purposes: ['server'] },
      'that may sign others': { keyUsage: ['digitalSignature', 'keyCertSign'] },
      'of a foreign trust domain': { uris: ['spiffe://evil.example/demo/report-job'] },
      'with two SPIFFE IDs': { uris: [devMesh.workload, 'spiffe://stint.local/demo/ci-deploy'] },
    };

    async function requireRefused(state: SvidState): Promise<void> {
      const before = await written();
      const refused = (thrown: unknown) => isServiceError(thrown, 'PEER_UNAUTHENTICATED');
      const asked = { ...readDemo, idempotencyKey: 'by-a-stranger' };
      await assert.rejects(at.unary(state).call(services.access.RequestAccess, asked), refused);
      await assert.rejects(async () => {
        for await (const _frame of at.unary(state).bidi(services.access.Session)) assert.fail('it answered');
      }, refused);
      assert.deepEqual(await written(), before);
    }

    for (const [what, options] of Object.entries(wrongLeaves)) {
      test(`${what}, though by the mesh's own CA: PEER_UNAUTHENTICATED, for a session too`, async () => {
        const ca = await TestCa.ofBroker(path.join(at.directory, 'broker', 'ca'));
        await requireRefused(await ca.issue(devMesh.workload, options));
      });
    }

    test('by another CA that calls itself the same: PEER_UNAUTHENTICATED, for a session too', async () => {
      const foreign = await (await TestCa.create()).issue(devMesh.workload);
      const bundlePem = readFileSync(at.mesh.paths.trustBundle, 'utf8');
      await requireRefused({ ...foreign, bundlePem });
    });

    test("of one of Stint's own parts gets no access: METHOD_NOT_ALLOWED", async () => {
      const viewer = at.unary(await at.mesh.admin.mint(parseSpiffeId(viewerId), 600_000));
      const asked = { ...readDemo, idempotencyKey: 'by-a-viewer' };
      await assert.rejects(viewer.call(services.access.RequestAccess, asked), {
        reason: 'METHOD_NOT_ALLOWED',
      });
    });
  });

  const wrongBundles: Record<string, { file: string; change: (text: string) => string; says: RegExp[] }> = {
    'a policy with a mistyped role': {
      file: 'policies/databases.cedar',
      change: (text) => text.replace('Stint::Role::"reporting"', 'Stint::Role::"reportin"'),
      says: [/policies\/databases\.cedar:\d+:\d+/, /\^/, /did you mean "?reporting/i],
    },
    'a policy that does not parse': {
      file: 'policies/databases.cedar',
      change: (text) => text.replace('permit (', 'permitt ('),
      says: [/policies\/databases\.cedar:\d+:\d+/, /\^/],
    },
    'a registry with an identity twice': {
      file: 'registry.yaml',
      change: (text) => text.replace('demo/ci-deploy', 'demo/report-job'),
      says: [/registry\.yaml:\d+:\d+/, /\^/, /report-job/],
    },
  };
  for (const [what, { file, change, says }] of Object.entries(wrongBundles)) {
    test(`${what}: POLICY_INVALID with file, line and caret, and the running bundle goes on deciding`, async () => {
      const good = readFileSync(path.join(bundle, file), 'utf8');
      const { policySha256 } = await at.admin.call(services.admin.GetStatus, {});
      writeFileSync(path.join(bundle, file), change(good));
      try {
        await assert.rejects(at.admin.call(services.admin.ReloadPolicy, {}), (thrown) => {
          assert.ok(isServiceError(thrown, 'POLICY_INVALID'), String(thrown));
          for (const said of says) assert.match(thrown.message, said);
          return true;
        });
        assert.equal((await at.admin.call(services.admin.GetStatus, {})).policySha256, policySha256);
        const { decision } = await at.admin.call(services.admin.ExplainDecision, {
          spiffeId: devMesh.workload,
          request: readDemo,
        });
        assert.equal(decision, 'allow');
      } finally {
        writeFileSync(path.join(bundle, file), good);
      }
      assert.equal((await at.admin.call(services.admin.ReloadPolicy, {})).policySha256, policySha256);
    });
  }

  test('a second broker on the same store: STORE_IN_USE, and the first goes on', async () => {
    const place = tempDir(suite);
    const { code, text } = await run('services/broker/main.ts', {
      'state-dir': path.join(at.directory, 'broker'),
      'bundle-dir': bundle,
      'providers-file': path.join(at.directory, 'providers.yaml'),
      'mesh-listen': '127.0.0.1:0',
      'bootstrap-listen': '127.0.0.1:0',
      'admin-socket': path.join(place, 'run', 'admin.sock'),
      'trust-bundle-file': path.join(place, 'trust-bundle.pem'),
      'log-verifier-key-file': path.join(at.directory, 'log', 'log.vkey'),
    });
    assert.equal(code, 1);
    assert.match(text, /"reason":"STORE_IN_USE"/);
    assert.match(text, /broker\.db\\" is in use by another process/);
    await requireServing();
  });

  test('a second mesh on the same state: it says so and starts nothing', async () => {
    // What a running `stint dev` holds.
    const server = createServer((socket) => socket.end());
    await listenOnUnixSocket(server, path.join(at.mesh.paths.run, 'mesh', 'mesh.sock'));
    try {
      const { code, text } = await run('services/cli/main.ts', { 'state-dir': at.directory }, ['dev']);
      assert.notEqual(code, 0);
      assert.match(
        text,
        /another mesh runs in ".+"\n {2}why: .+\n {2}fix: end it .* --state-dir DIR\n {2}code: MESH_RUNNING/,
      );
    } finally {
      server.close();
    }
    await requireServing();
  });

  async function requireServing(): Promise<void> {
    const { grant } = await at.sidecar.call(services.sidecar.Acquire, { ...readDemo, fresh: true });
    await at.sidecar.call(services.sidecar.Release, { grantId: grant?.id ?? '', waitContained: true });
  }

  test('in the end the mesh is sound, and what was refused for its content stands in the log, and nothing else', async () => {
    const events = await requireSound(at);
    const denied = events.filter(({ type }) => type === 'access.denied').map(({ data }) => data['reason']);
    const recorded = Object.values(badRequests).filter(({ isRecorded }) => isRecorded);
    const expected = recorded.flatMap(({ reason }) => Object.keys(calls).map(() => reason));
    // And one for the join token that was spent a second time; the invented ones are nobody's.
    assert.deepEqual(denied.toSorted(), [...expected, 'ATTESTATION_FAILED'].toSorted());
  });
});

/** Asks as a sidecar does, but without its checks: a frame on a session, until its answer. */
async function askOnSession(
  channel: GrpcChannel,
  requestAccess: RequestAccessRequest,
  traceparent = '',
): Promise<RequestAccessResponse__Output> {
  const session = channel.bidi(services.access.Session);
  session.write({ messages: [{ id: 1, traceparent, requestAccess }] });
  try {
    for await (const { messages } of session) {
      const answer = messages.find(({ id }) => id === 1);
      if (answer?.failure) throw fromRpcStatus(answer.failure);
      if (answer?.access) return answer.access;
    }
  } finally {
    session.cancel();
  }
  return assert.fail('the session ended without an answer');
}

const viewerId = 'spiffe://stint.local/stint/viewer/siem';

/** Runs one of our programs until it ends by itself, which it must soon. */
function run(
  program: string,
  flags: Readonly<Record<string, string>>,
  command: readonly string[] = [],
): Promise<{ code: number; text: string }> {
  const args = [
    program,
    ...command,
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
  ];
  const options = { cwd: repositoryRoot, timeout: 30_000, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (fault, stdout, stderr) => {
      resolve({
        code: typeof fault?.code === 'number' ? fault.code : fault === null ? 0 : -1,
        text: stdout + stderr,
      });
    });
  });
}

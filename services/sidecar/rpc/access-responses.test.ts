import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestAccessResponse } from '@stint/common/gen/stint/broker/v1/RequestAccessResponse.ts';
import { newId } from '@stint/common/ids.ts';
import { createLog } from '@stint/common/log.ts';
import { codecs, services } from '@stint/common/proto.ts';
import { capturedLog } from '../../../test/harness/captured-log.ts';
import { readAccess } from '../upstream/session-messages.ts';
import { AccessResponses, heldLeases } from './access-responses.ts';

const now = 1_780_000_000_000;
const at = (ms: number) => ({ seconds: (now + ms) / 1_000, nanos: 0 });
const grantId = newId('grant', now);
const leaseId = newId('lease', now);
const quiet = { service: 'test', level: 'silent' } as const;
const token = 'eyJ.secret.token';

/** A whole answer as a broker writes it, every kind of field filled. */
const broker = {
  grant: {
    id: grantId,
    requestId: newId('request', now),
    spiffeId: 'spiffe://stint.local/demo/app',
    resource: 'orders-api',
    action: 'read',
    state: 'active',
    decidedAt: at(0),
    expiresAt: at(60_000),
    ruleIds: ['allow-read', 'allow-all'],
    clampedBy: ['profile'],
    justification: 'why not — é',
  },
  lease: {
    id: leaseId,
    grantId,
    provider: 'jwt',
    entityName: 'jti',
    state: 'active',
    expiresAt: at(60_000),
    hardExpiresAt: at(90_000),
    renewable: true,
  },
  credential: { token: { token, tokenType: 'Bearer' } },
} satisfies RequestAccessResponse;

/** The grant once more, with an end that is no time: who reads only its id and when it was decided passes over it. */
function unreadableGrant(): Buffer {
  const [tag, lengthBytes, badEnd] = [0x0a, 2, [0x42, 1, 0x0f]];
  const written = services.access.RequestAccess.responseSerialize({ grant: broker.grant });
  const grant = Buffer.concat([written.subarray(1 + lengthBytes), Buffer.from(badEnd)]);
  return Buffer.concat([Buffer.from([tag, (grant.length & 0x7f) | 0x80, grant.length >> 7]), grant]);
}

/** Access as the sidecar keeps it; `more` is appended to what the broker wrote. */
function accessOf(answer: RequestAccessResponse, more: Buffer = Buffer.of()) {
  const bytes = services.access.RequestAccess.responseSerialize(answer);
  return readAccess(Buffer.concat([bytes, more])).access;
}

const read = services.sidecar.Acquire.responseDeserialize;

test('a workload gets the broker’s answer unchanged, and whether it came from memory', () => {
  const responses = new AccessResponses();
  const access = accessOf(broker);
  const whole = read(services.sidecar.Acquire.responseSerialize(broker));
  assert.deepEqual(read(responses.bytesOf({ access, cached: false })), { ...whole, cached: false });
  const cached = responses.bytesOf({ access, cached: true });
  assert.deepEqual(read(cached), { ...whole, cached: true });
  assert.equal(responses.bytesOf({ access, cached: true }), cached, 'made once');
});

test('a repeated answer of the broker does not pass for one from memory', () => {
  const responses = new AccessResponses();
  const access = accessOf({ ...broker, replayed: true });
  assert.equal(read(responses.bytesOf({ access, cached: false })).cached, false);
  assert.equal(read(responses.bytesOf({ access, cached: true })).cached, true);
});

test('after a renewal the answer has the new lease, the old grant and the old credential', () => {
  const responses = new AccessResponses();
  const lease = codecs.acquireResponse.decode(
    codecs.acquireResponse.encode({ lease: { ...broker.lease, expiresAt: at(80_000), renewable: false } }),
  ).lease;
  assert.ok(lease);
  const access = { ...accessOf(broker), renewed: lease };
  for (const cached of [true, false]) {
    const answer = read(responses.bytesOf({ access, cached }));
    assert.deepEqual([answer.lease, answer.cached], [lease, cached]);
    assert.equal(answer.grant?.id, grantId);
    assert.equal(answer.credential?.token?.token, token);
  }
  assert.deepEqual(heldLeases([{ access, leaseId, holders: 2 }], createLog(quiet))[0]?.lease, lease);
});

test('a list shows grant, lease and holders, and no credential', () => {
  const [listed] = heldLeases([{ access: accessOf(broker), leaseId, holders: 3 }], createLog(quiet));
  assert.ok(listed);
  assert.deepEqual(Object.keys(listed).sort(), ['grant', 'holders', 'lease']);
  assert.deepEqual([listed.grant?.id, listed.lease?.entityName, listed.holders], [grantId, 'jti', 3]);
  assert.ok(!JSON.stringify(listed).includes(token));
});

test('a grant that cannot be read is left out of a list and logged; the others are shown', () => {
  const { log, lines, text } = capturedLog({ level: 'error' });
  const bad = { access: accessOf(broker, unreadableGrant()), leaseId: newId('lease', now), holders: 1 };
  const listed = heldLeases([bad, { access: accessOf(broker), leaseId, holders: 2 }], log);
  assert.deepEqual(
    listed.map(({ holders }) => holders),
    [2],
  );
  assert.equal(lines.length, 1);
  assert.ok(text().includes(bad.leaseId) && !text().includes(token));
});

test('access in memory does not print its credential', () => {
  assert.ok(!JSON.stringify(accessOf(broker)).includes(token));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { isServiceError } from '@stint/common/errors.ts';
import type { ServerMessage } from '@stint/common/gen/stint/broker/v1/ServerMessage.ts';
import { newId } from '@stint/common/ids.ts';
import { codecs, services } from '@stint/common/proto.ts';
import { answerBytesMax, readAccess, readEnded, readRenewed, renewedBytesMax } from './session-messages.ts';

const { responseSerialize, responseDeserialize } = services.access.Session;
const now = 1_780_000_000_000;
const at = (ms: number) => ({ seconds: (now + ms) / 1_000, nanos: 5_000_000 });
const [grantId, leaseId] = [newId('grant', now), newId('lease', now)];
const grant = { id: grantId, decidedAt: at(0), expiresAt: at(60_000), resource: 'orders-api' };
const lease = { id: leaseId, grantId, expiresAt: at(30_000), hardExpiresAt: at(60_000), renewable: true };
const credential = {
  database: { engine: 'postgresql', host: 'db', port: 5432, username: 'u', password: 'secret word' },
};

const bodies: ServerMessage[] = [
  { failure: { code: 7, message: 'no', details: [{ type_url: 'type', value: Buffer.from('x') }] } },
  { access: { grant, lease, credential, replayed: true } },
  { completed: { grant, leases: [lease] } },
  { renewed: { lease } },
  { alive: {} },
  { leasesEnded: { leases: [{ leaseId, grantId, expiresAt: at(1_000), reason: 'revoked' }] } },
  { trustBundle: { sequence: 3, x509Authorities: [Buffer.from('der')], jwks: '{}', issuer: 'i' } },
];

for (const body of bodies) {
  const [name] = Object.keys(body);
  test(`a session’s "${name}" reads as the contract says, access as its bytes`, () => {
    const frame = responseSerialize({ messages: [{ id: 7, ...body }] });
    const [message] = responseDeserialize(frame).messages;
    const [seen] = codecs.sessionView.decode(frame).messages;
    assert.ok(message && seen);
    const { access, ...rest } = seen;
    assert.deepEqual(
      access === undefined
        ? rest
        : { ...rest, access: services.access.RequestAccess.responseDeserialize(access) },
      message,
    );
    assert.equal(seen.body, name);
  });
}

test('what the sidecar acts on is read from the broker’s answer', () => {
  const answer = services.access.RequestAccess.responseSerialize({
    grant,
    lease,
    credential,
    replayed: true,
  });
  const { access, ...facts } = readAccess(answer);
  assert.deepEqual(facts, {
    bytes: answer.length,
    grantId,
    leaseId,
    decidedAt: now + 5,
    expiresAt: now + 30_005,
    hardExpiresAt: now + 60_005,
    renewable: true,
    replayed: true,
  });
  assert.equal(access.credentialKind, 'database');
  assert.ok(!JSON.stringify(access).includes('secret word'));
  answer.fill(0);
  assert.equal(
    access.answer.reveal((bytes) => codecs.acquireResponse.decode(bytes)).credential?.database?.password,
    'secret word',
    'the connection’s memory is not kept',
  );
});

test('an answer that lacks what the sidecar acts on is the broker’s fault', () => {
  const whole = { grant, lease, credential };
  const lacking = [
    {},
    { ...whole, grant: null },
    { ...whole, lease: null },
    { ...whole, credential: null },
    { ...whole, credential: {} },
    { ...whole, grant: { ...grant, id: 'grant' } },
    { ...whole, grant: { ...grant, decidedAt: null } },
    { ...whole, lease: { ...lease, id: grantId } },
    { ...whole, lease: { ...lease, expiresAt: null } },
    { ...whole, lease: { ...lease, hardExpiresAt: null } },
  ].map((answer) => services.access.RequestAccess.responseSerialize(answer));
  for (const answer of [...lacking, Buffer.from('ffff', 'hex')])
    assert.throws(
      () => readAccess(answer),
      (thrown) => isServiceError(thrown, 'INTERNAL'),
    );
});

test('an answer and a renewed lease are kept up to their bounds and refused beyond', () => {
  const answerOf = (justification: string) =>
    services.access.RequestAccess.responseSerialize({
      grant: { ...grant, justification },
      lease,
      credential,
    });
  const text = 'x'.repeat(answerBytesMax);
  const excess = answerOf(text).length - answerBytesMax;
  assert.equal(readAccess(answerOf(text.slice(excess))).bytes, answerBytesMax);
  const longer = answerOf(text.slice(excess - 1));
  assert.throws(
    () => readAccess(longer),
    (thrown) => isServiceError(thrown, 'INTERNAL') && /65537 bytes: at most 65536/.test(thrown.message),
  );
  const renewed = (lastError: string) =>
    codecs.acquireResponse.decode(codecs.acquireResponse.encode({ lease: { ...lease, lastError } })).lease;
  assert.equal(
    readRenewed({ lease: renewed('x'.repeat(renewedBytesMax / 2)), renewedAt: null }, leaseId).lease.id,
    leaseId,
  );
  assert.throws(
    () => readRenewed({ lease: renewed('x'.repeat(renewedBytesMax)), renewedAt: null }, leaseId),
    (thrown) => isServiceError(thrown, 'INTERNAL') && /at most 4096 are kept/.test(thrown.message),
  );
});

test('an end whose reason is no word is heard all the same, and the text is not kept', () => {
  const end = { leaseId, grantId, expiresAt: { seconds: 7, nanos: 0 }, reason: 'x'.repeat(65) };
  assert.deepEqual(
    readEnded([end]).ended.map(({ reason }) => reason),
    ['unreadable'],
  );
});

test('a malformed end is named, and hides no other end of its push', () => {
  const whole = { leaseId, grantId, expiresAt: { seconds: 7, nanos: 0 }, reason: 'revoked' };
  const malformed = [
    { ...whole, leaseId: '../x' },
    { ...whole, grantId: '' },
    { ...whole, expiresAt: null },
  ];
  const { ended, faults } = readEnded([whole, ...malformed, { ...whole, reason: 'completed' }]);
  assert.deepEqual(ended, [
    { leaseId, grantId, expiresAt: 7_000, reason: 'revoked' },
    { leaseId, grantId, expiresAt: 7_000, reason: 'completed' },
  ]);
  assert.equal(faults.length, 3);
  for (const fault of faults) assert.ok(isServiceError(fault, 'INTERNAL'));
});

test('a renewal of another lease, or an id that is none, is the broker’s fault, and the id is not told', () => {
  const told = {
    lease: codecs.acquireResponse.decode(codecs.acquireResponse.encode({ lease })).lease,
    renewedAt: { seconds: 7, nanos: 0 },
  };
  const renewed = readRenewed(told, leaseId);
  assert.deepEqual([renewed.lease.id, renewed.renewedAt], [leaseId, 7_000]);
  assert.throws(
    () => readRenewed({ ...told, renewedAt: { seconds: 7, nanos: -1 } }, leaseId),
    (thrown) => isServiceError(thrown, 'INTERNAL'),
  );
  for (const asked of [newId('lease', now), newId('lease', now + 1)])
    assert.throws(
      () => readRenewed(told, asked),
      (thrown) => isServiceError(thrown, 'INTERNAL'),
    );
  const misplaced = { grant: { ...grant, id: 'hunter2 the password' }, lease, credential };
  assert.throws(
    () => readAccess(services.access.RequestAccess.responseSerialize(misplaced)),
    (thrown) => !inspect(thrown, { depth: 9 }).includes('hunter2'),
  );
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import { isServiceError, ServiceError } from '@stint/common/errors.ts';
import { newJoinToken } from '@stint/common/join-token.ts';
import { Secret } from '@stint/common/secret.ts';
import { parseSpiffeId } from '@stint/common/spiffe-id.ts';
import { newSvidKey } from '@stint/common/svid-key.ts';
import { type HeldClock, heldClock } from '../../../../test/harness/held-clock.ts';
import {
  type IdentityBroker,
  identityBroker,
  trustDomain,
} from '../../../../test/harness/identity-broker.ts';
import { tempDir } from '../../../../test/harness/temp-dir.ts';

const workload = parseSpiffeId('spiffe://stint.test/ci/deploy');
const auditor = parseSpiffeId('spiffe://stint.test/stint/auditor');

let clock: HeldClock;
let broker: IdentityBroker;

beforeEach(async (t) => {
  clock = heldClock();
  // The context of a hook has `after` as a test's has; its type does not say so.
  broker = await identityBroker({ directory: tempDir(t as Parameters<typeof tempDir>[0]), clock });
  broker.identities.set(workload, 'active');
});

const isOutOf = (thrown: unknown, bounds: string) =>
  isServiceError(thrown, 'TTL_OUT_OF_RANGE') && thrown.message === bounds;

const proofOf = (joinToken: Secret) => ({ kind: 'joinToken', joinToken }) as const;

describe('a join token', () => {
  it('is made for a registered identity and for the auditor, and recorded without itself', async () => {
    const { token, expiresAt } = await broker.createJoinToken.execute({ spiffeId: workload });
    await broker.createJoinToken.execute({ spiffeId: auditor, ttlMs: 1_000 });
    assert.equal(expiresAt, clock.now() + 600_000);
    assert.deepEqual(
      broker.events.map((event) => [event.type, event.data['spiffe_id']]),
      [
        ['identity.join_token_created', workload],
        ['identity.join_token_created', auditor],
      ],
    );
    assert.ok(!JSON.stringify(broker.events).includes(token.revealText()));
  });

  it('is not made for who is unknown, suspended, foreign or another part of Stint, nor for a lifetime out of range', async () => {
    const make = (spiffeId: string, ttlMs?: number) =>
      broker.createJoinToken.execute({ spiffeId: parseSpiffeId(spiffeId), ttlMs });
    broker.identities.set(parseSpiffeId('spiffe://stint.test/bot/old'), 'suspended');
    await assert.rejects(make('spiffe://stint.test/bot/old'), (e) => isServiceError(e, 'IDENTITY_SUSPENDED'));
    for (const id of [
      'spiffe://stint.test/nobody',
      'spiffe://other.test/ci/deploy',
      'spiffe://stint.test/stint/broker/b1',
      'spiffe://stint.test/stint/nats-admin',
    ]) {
      await assert.rejects(make(id), (e) => isServiceError(e, 'IDENTITY_UNKNOWN'), id);
    }
    for (const ttlMs of [0, -1, 999, 86_400_001, Number.NaN]) {
      await assert.rejects(make(workload, ttlMs), (e) => isOutOf(e, 'ttl: it must be from 1s to 1d'));
    }
    assert.equal(broker.events.length, 0);
  });
});

describe('attestation', () => {
  it('gives an SVID for the identity the token was made for, after recording it', async () => {
    const { token } = await broker.createJoinToken.execute({ spiffeId: workload });
    const { csrDer } = await newSvidKey();
    const issued = await broker.attestWorkload.execute(proofOf(token), csrDer);
    assert.equal(issued.spiffeId, workload);
    const event = broker.events.at(-1);
    assert.equal(event?.type, 'identity.attested');
    assert.equal(event?.actor.svid_sha256, issued.sha256);
    assert.equal(event?.data['replayed'], false);
  });

  it('repeats a lost answer for the same key within a minute, and for no other key', async () => {
    const { token } = await broker.createJoinToken.execute({ spiffeId: workload });
    const [mine, theirs] = [await newSvidKey(), await newSvidKey()];
    await broker.attestWorkload.execute(proofOf(token), mine.csrDer);
    clock.advance(59_000);
    assert.equal((await broker.attestWorkload.execute(proofOf(token), mine.csrDer)).spiffeId, workload);
    assert.equal(broker.events.at(-1)?.data['replayed'], true);
    await assert.rejects(broker.attestWorkload.execute(proofOf(token), theirs.csrDer), (e) =>
      isServiceError(e, 'ATTESTATION_FAILED'),
    );
    clock.advance(2_000);
    await assert.rejects(broker.attestWorkload.execute(proofOf(token), mine.csrDer), (e) =>
      isServiceError(e, 'ATTESTATION_FAILED'),
    );
  });

  it('refuses every bad proof in the same words, and records those whose token is known', async () => {
    const refusals: ServiceError[] = [];
    const refused = async (token: Secret) => {
      const before = broker.events.length;
      const { csrDer } = await newSvidKey();
      await assert.rejects(broker.attestWorkload.execute(proofOf(token), csrDer), (e) => {
        assert.ok(isServiceError(e, 'ATTESTATION_FAILED'));
        refusals.push(e);
        return true;
      });
      return broker.events.slice(before).map((event) => [event.type, event.data['fault']]);
    };
    const make = async () =>
      (await broker.createJoinToken.execute({ spiffeId: workload, ttlMs: 60_000 })).token;

    assert.deepEqual(await refused(new Secret('hunter2')), []);
    assert.deepEqual(await refused(newJoinToken()), []);
    const spent = await make();
    await broker.attestWorkload.execute(proofOf(spent), (await newSvidKey()).csrDer);
    assert.deepEqual(await refused(spent), [['access.denied', 'join token used']]);
    const late = await make();
    const suspended = await make();
    broker.identities.set(workload, 'suspended');
    assert.deepEqual(await refused(suspended), [['access.denied', 'identity suspended']]);
    broker.identities.delete(workload);
    clock.advance(60_000);
    assert.deepEqual(await refused(late), [['access.denied', 'join token expired']]);
    assert.equal(new Set(refusals.map((e) => JSON.stringify([e.message, e.metadata]))).size, 1);
  });

  it('hands nothing out when the record fails, and the same proof and key bring it later', async () => {
    const { token } = await broker.createJoinToken.execute({ spiffeId: workload });
    const { csrDer } = await newSvidKey();
    broker.faults.record = new ServiceError('STORE_UNAVAILABLE', 'the store did not commit');
    await assert.rejects(broker.attestWorkload.execute(proofOf(token), csrDer), (e) =>
      isServiceError(e, 'STORE_UNAVAILABLE'),
    );
    delete broker.faults.record;
    assert.equal((await broker.attestWorkload.execute(proofOf(token), csrDer)).spiffeId, workload);
  });

  it('does not spend the token on a request that is malformed or not signed by its key', async () => {
    const { token } = await broker.createJoinToken.execute({ spiffeId: workload });
    const { csrDer } = await newSvidKey();
    const forged = Buffer.from(csrDer);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    for (const bad of [Buffer.alloc(0), Buffer.from('junk'), forged]) {
      await assert.rejects(broker.attestWorkload.execute(proofOf(token), bad), (e) =>
        isServiceError(e, 'INVALID_FIELD'),
      );
    }
    await assert.rejects(broker.attestWorkload.execute(proofOf(token), Buffer.alloc(4_097)), (e) =>
      isServiceError(e, 'MESSAGE_TOO_LARGE'),
    );
    assert.equal((await broker.attestWorkload.execute(proofOf(token), csrDer)).spiffeId, workload);
  });

  it('lets one of fifty callers at once win a token', async () => {
    const { token } = await broker.createJoinToken.execute({ spiffeId: workload });
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, async () =>
        broker.attestWorkload.execute(proofOf(token), (await newSvidKey()).csrDer),
      ),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });
});

describe('rotation', () => {
  const holder = { spiffeId: workload, svidSha256: 'a'.repeat(64) };

  it('certifies a new key for the same identity, after recording it', async () => {
    const issued = await broker.rotateSvid.execute(holder, (await newSvidKey()).csrDer);
    assert.equal(issued.spiffeId, workload);
    const event = broker.events.at(-1);
    assert.deepEqual(
      [event?.type, event?.data['cause'], event?.actor.svid_sha256],
      ['svid.issued', 'rotated', holder.svidSha256],
    );
  });

  it('ends with the suspension or removal of the identity', async () => {
    const { csrDer } = await newSvidKey();
    broker.identities.set(workload, 'suspended');
    await assert.rejects(broker.rotateSvid.execute(holder, csrDer), (e) =>
      isServiceError(e, 'IDENTITY_SUSPENDED'),
    );
    broker.identities.delete(workload);
    await assert.rejects(broker.rotateSvid.execute(holder, csrDer), (e) =>
      isServiceError(e, 'IDENTITY_UNKNOWN'),
    );
  });

  it('hands nothing out when the record fails', async () => {
    broker.faults.record = new ServiceError('AUDIT_UNAVAILABLE', 'the audit backlog is at its limit');
    await assert.rejects(broker.rotateSvid.execute(holder, (await newSvidKey()).csrDer), (e) =>
      isServiceError(e, 'AUDIT_UNAVAILABLE'),
    );
  });
});

describe('minting', () => {
  it('is for the NATS server, its administrator and viewers only', async () => {
    const { csrDer } = await newSvidKey();
    for (const name of ['nats', 'nats-admin', 'viewer/siem']) {
      const spiffeId = parseSpiffeId(`spiffe://${trustDomain}/stint/${name}`);
      assert.equal((await broker.mintSvid.execute({ spiffeId, csrDer })).spiffeId, spiffeId);
    }
    for (const id of [
      workload,
      auditor,
      'spiffe://stint.test/stint/broker/b1',
      'spiffe://stint.test/stint/viewer',
      'spiffe://stint.test/stint/viewer/a/b',
      'spiffe://other.test/stint/nats',
    ]) {
      await assert.rejects(
        broker.mintSvid.execute({ spiffeId: parseSpiffeId(id), csrDer }),
        (e) => isServiceError(e, 'INVALID_FIELD'),
        id,
      );
    }
    assert.deepEqual(
      broker.events.map((event) => event.data['cause']),
      ['minted', 'minted', 'minted'],
    );
  });

  it('gives host names to the NATS server alone', async () => {
    const { csrDer } = await newSvidKey();
    const names = async (name: string) => {
      const issued = await broker.mintSvid.execute({
        spiffeId: parseSpiffeId(`spiffe://stint.test/stint/${name}`),
        csrDer,
      });
      return new X509Certificate(issued.certificatesDer[0] ?? '').subjectAltName;
    };
    assert.equal(
      await names('nats'),
      'URI:spiffe://stint.test/stint/nats, DNS:localhost, IP Address:127.0.0.1',
    );
    assert.equal(await names('nats-admin'), 'URI:spiffe://stint.test/stint/nats-admin');
  });

  it('refuses a lifetime out of range', async () => {
    const order = {
      spiffeId: parseSpiffeId('spiffe://stint.test/stint/nats'),
      csrDer: (await newSvidKey()).csrDer,
    };
    for (const ttlMs of [0, -1, 59_999, 86_400_001]) {
      await assert.rejects(broker.mintSvid.execute({ ...order, ttlMs }), (e) =>
        isOutOf(e, 'ttl: it must be from 1m to 1d'),
      );
    }
  });
});

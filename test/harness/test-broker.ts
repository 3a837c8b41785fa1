import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { batchHash, makeEpochStarted, type SignedBatch, sealBatch } from '@stint/common/audit-batch.ts';
import { type AuditEvent, type EventDraft, encodeEvent } from '@stint/common/audit-event.ts';
import { newId } from '@stint/common/ids.ts';
import { codecs } from '@stint/common/proto.ts';
import type { RotatingSvidSource } from '@stint/common/rotating-svid-source.ts';
import { parseTrustDomain, type SpiffeId, stintIds } from '@stint/common/spiffe-id.ts';
import { type Clock, formatTime } from '@stint/common/time.ts';
import type { X509Svid } from '@stint/common/x509-svid.ts';
import { CertificateAuthority } from '../../services/broker/ca/certificate-authority.ts';
import { openLocalSvidSource } from '../../services/broker/ca/local-svid-source.ts';
import { type Scope, tempDir } from './temp-dir.ts';

/** A trust domain with a CA of its own, for one test file. */
export type TestTrust = {
  readonly ca: CertificateAuthority;
  readonly rootsDer: readonly Buffer[];
  /** A source with a live SVID of that identity, which does not rotate by itself. */
  source(spiffeId: SpiffeId): Promise<RotatingSvidSource>;
};

export const testDomain = parseTrustDomain('stint.local');

/** Makes a trust domain's CA in a folder of the scope. */
export async function testTrust(scope: Scope, clock: Clock): Promise<TestTrust> {
  const ca = await CertificateAuthority.open({
    directory: `${tempDir(scope)}/ca`,
    trustDomain: testDomain,
    clock,
    onRenewalFailure: (failure) => {
      throw failure;
    },
  });
  const source = (spiffeId: SpiffeId) =>
    openLocalSvidSource({
      issuer: ca,
      spiffeId,
      ttlMs: 3_600_000,
      clock,
      random: Math.random,
      recordRotation: () => Promise.resolve(),
      onFailure: (failure) => {
        throw failure;
      },
    });
  return { ca, rootsDer: ca.bundleDer, source };
}

/** What a test says of an event; the rest is made up. */
export type TestDraft = Partial<EventDraft> & { readonly id?: string };

/**
 * A broker's ledger without a broker: seals batches of made-up events as a real one would, in one chain. What it makes
 * is a copy: publishing, repeating, reordering and falsifying are the test's.
 */
export class TestBroker {
  readonly spiffeId: SpiffeId;
  readonly name: string;
  readonly #svid: X509Svid;
  readonly #clock: Clock;
  #epoch = 0;
  #key: KeyObject | undefined;
  #seq = 0;
  #prev = '';

  constructor(options: { name: string; svid: X509Svid; clock: Clock }) {
    this.name = options.name;
    this.spiffeId = stintIds.broker(testDomain, options.name);
    this.#svid = options.svid;
    this.#clock = options.clock;
  }

  /** A broker with an SVID of the trust domain. */
  static async make(trust: TestTrust, name: string, clock: Clock): Promise<TestBroker> {
    const source = await trust.source(stintIds.broker(testDomain, name));
    return new TestBroker({ name, svid: source.current().svid, clock });
  }

  /** Another broker that has come as far as this one: what a store restored from a backup makes. */
  clone(): TestBroker {
    const copy = new TestBroker({ name: this.name, svid: this.#svid, clock: this.#clock });
    copy.#epoch = this.#epoch;
    copy.#key = this.#key;
    copy.#seq = this.#seq;
    copy.#prev = this.#prev;
    return copy;
  }

  /** Begins an epoch with a batch of its own. */
  startEpoch(epoch = this.#epoch + 1): SignedBatch {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.#epoch = epoch;
    this.#key = privateKey;
    return this.batch([{ type: 'epoch.started', data: makeEpochStarted(epoch, publicKey, this.#svid) }]);
  }

  /** Seals the next batch. */
  batch(drafts: readonly TestDraft[]): SignedBatch {
    if (this.#key === undefined) throw new Error('test broker: no epoch');
    const first = this.#seq + 1;
    const events = drafts.map((draft, i) => encodeEvent(this.#event(draft, first + i)));
    const facts = {
      broker: this.spiffeId,
      epoch: this.#epoch,
      first_seq: first,
      prev_batch_sha256: this.#prev,
    };
    const batch = sealBatch({ ...facts, time: formatTime(this.#clock.now()) }, events, this.#key);
    this.#seq += drafts.length;
    this.#prev = batchHash(batch.header);
    return batch;
  }

  /** Seals the next batch with so many denials. */
  fill(count: number): SignedBatch {
    return this.batch(Array.from({ length: count }, () => ({})));
  }

  #event(draft: TestDraft, seq: number): AuditEvent {
    const { id = newId('event', this.#clock.now()), ...facts } = draft;
    return {
      v: 1,
      type: 'access.denied',
      actor: { kind: 'workload', spiffe_id: stintIds.viewer(testDomain, 'somebody') },
      data: { reason: 'GRANT_DENIED' },
      ...facts,
      id: id as AuditEvent['id'],
      time: formatTime(this.#clock.now()),
      source: { broker: this.spiffeId, epoch: this.#epoch, seq },
    };
  }
}

/** The batch as it travels. */
export function batchPayload(batch: SignedBatch): Buffer {
  return codecs.signedBatch.encode({ ...batch, events: [...batch.events] });
}

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { EventDraft } from '@stint/common/audit-event.ts';
import { ed25519RawKey } from '@stint/common/ed25519.ts';
import type { Log } from '@stint/common/log.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Clock } from '@stint/common/time.ts';
import { CommitPlan } from './commit-plan.ts';
import type { LedgerEngine, OutboxSize } from './ledger-engine.ts';
import { describeMiscounts } from './miscounts.ts';
import type { BrokerStateRow, EpochRow } from './schema.ts';

/** Who opens a log, and on what. */
export type EpochOptions = {
  readonly engine: LedgerEngine;
  /** The broker's name: its log's identity in the store and on the bus. */
  readonly name: string;
  readonly spiffeId: SpiffeId;
  readonly clock: Clock;
  readonly log: Log;
  /** Certifies the epoch's public key with the broker's SVID; the result is the data of `epoch.started`. */
  readonly certifyEpoch: (epoch: {
    readonly epoch: number;
    readonly publicKey: KeyObject;
  }) => EventDraft['data'];
};

/** A broker's log, open in a new epoch. */
export type OpenedLog = {
  readonly state: BrokerStateRow;
  readonly epochKey: KeyObject;
  readonly outbox: OutboxSize;
};

/**
 * Opens the broker's log in a new epoch: a fresh key that only this process holds, made known by the epoch's first
 * event. The epoch is one transaction; a crash before its end leaves the epoch before, and nobody has seen the key.
 * Before it, in one of its own, the kept counts of live grants are made true; a crash between the two leaves them so.
 */
export async function beginEpoch(options: EpochOptions): Promise<OpenedLog> {
  const { engine, name, spiffeId, clock, certifyEpoch } = options;
  await mendLiveGrants(options);
  const expected = (await engine.readState(name)) ?? { broker: name, epoch: 0, seq: 0, batch_sha256: '' };
  const { publicKey, privateKey: epochKey } = generateKeyPairSync('ed25519');
  const now = clock.now();
  const epoch: EpochRow = {
    broker: name,
    epoch: expected.epoch + 1,
    public_key: ed25519RawKey(publicKey),
    started_at: now,
  };
  const started: EventDraft = {
    type: 'epoch.started',
    actor: { kind: 'broker' },
    data: certifyEpoch({ epoch: epoch.epoch, publicKey }),
  };
  let state: BrokerStateRow = expected;
  await engine.transact({
    entries: [],
    expected,
    epoch,
    decide: (facts) => {
      const place = {
        broker: spiffeId,
        brokerName: name,
        state: { ...expected, epoch: epoch.epoch },
        epochKey,
        now,
      };
      const plan = new CommitPlan(facts, place);
      plan.add({ events: [started] });
      const writes = plan.finish();
      state = writes.sealed?.state ?? expected;
      return writes;
    },
  });
  return { state, epochKey, outbox: await engine.outboxSize(name) };
}

/** Nothing but a writer that does not count, or a hand, makes a count wrong; from then on its quotas would hold wrongly for ever. */
async function mendLiveGrants({ engine, log }: EpochOptions): Promise<void> {
  const miscounts = await engine.mendLiveGrants();
  if (miscounts.length === 0) return;
  log.warn(
    { counts: miscounts.length, miscounted: describeMiscounts(miscounts) },
    'counts of live grants were wrong and are mended: something else than a broker of this version wrote to the store',
  );
}

import type { Log } from '@stint/common/log.ts';
import type { UnixMs } from '@stint/common/time.ts';
import { deliveryMs, intentMs, type Lease } from '../../domain/lease.ts';
import type { GrantStore } from '../ports/grant-store.ts';
import { makeDue } from './resume-interrupted.ts';

export type PutOffLeasesParts = {
  readonly store: Pick<GrantStore, 'listPutOff' | 'makeDue'>;
  readonly log: Log;
  /** How long a claim of a due lease holds, in milliseconds: nothing that has begun to end is put off further. */
  readonly claimMs: number;
};

/** A clock that went back by more than this was set, in milliseconds: what was put off by it would come late by as much. */
const setBackMs = 5_000;

/** How often it is looked for what another broker's clock has put off, in milliseconds. */
const lookMs = 60_000;

/** How far the clocks of brokers on one store may differ, in milliseconds, until one takes what the other schedules for put off. */
const clocksDifferMsMax = 45_000;

/** Leases looked at at once, the furthest off first. What is beyond them is found by the next look. */
const leasesMax = 5_000;

/**
 * Brings back what a clock that was ahead has put off: rows that are to be looked at later than a right clock has them. Whose
 * they are does not matter. What is ending is due now; an intent, and a credential that nobody has acknowledged,
 * have from now on the time that a new one has, so that whoever is at them can finish.
 *
 * It looks when this broker's own clock goes back, and once a minute for what another one has left behind: of a shared store
 * by a broker that died while its clock was ahead, or by this one before its start.
 *
 * How late an end comes that such a broker was at: by what its clock was ahead, while that is no more than 150 s (until the
 * look, a claim, and the difference that is allowed); beyond that the look brings it back, a minute late at most.
 */
export class PutOffLeases {
  readonly #parts: PutOffLeasesParts;
  #now: UnixMs = 0;
  #lookedAt: UnixMs = 0;

  constructor(parts: PutOffLeasesParts) {
    this.#parts = parts;
  }

  /** Call it often, with the time of now: most calls do nothing. A look that fails is made again by the next call. */
  async bringBack(now: UnixMs): Promise<void> {
    const wentBackMs = this.#now - now;
    const isSetBack = wentBackMs > setBackMs;
    if (isSetBack || Math.abs(now - this.#lookedAt) >= lookMs) {
      const leases = await this.#look(now, isSetBack ? 0 : clocksDifferMsMax);
      this.#tell(leases, isSetBack ? wentBackMs : undefined);
      this.#lookedAt = now;
    }
    this.#now = now;
  }

  async #look(now: UnixMs, toleranceMs: number): Promise<number> {
    const { store, claimMs } = this.#parts;
    const putOff = await store.listPutOff(
      {
        intent: now + intentMs + toleranceMs,
        undelivered: now + deliveryMs + toleranceMs,
        ending: now + claimMs + toleranceMs,
      },
      leasesMax,
    );
    for (const [at, leases] of Map.groupBy(putOff, (lease) => dueAt(lease, now)))
      await makeDue(store, leases, at);
    return putOff.length;
  }

  #tell(leases: number, set_back_ms: number | undefined): void {
    const { log } = this.#parts;
    if (set_back_ms !== undefined)
      log.warn({ leases, set_back_ms }, 'the clock was set back: the ends that it had put off are due now');
    else if (leases > 0) log.warn({ leases }, 'ends that a clock ahead of this one had put off are due now');
  }
}

function dueAt({ state, deliveredAt }: Lease, now: UnixMs): UnixMs {
  if (state === 'intent') return now + intentMs;
  return state === 'active' && deliveredAt === undefined ? now + deliveryMs : now;
}

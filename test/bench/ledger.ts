import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import type { Ledger } from '../../services/broker/app/ports/ledger.ts';
import { issueEntry } from '../harness/ledger-entries.ts';

export type LedgerFigures = {
  readonly inFlight: number;
  readonly entries: number;
  /** Entries committed per second. */
  readonly rate: number;
  /** Milliseconds from the call to the durable answer. */
  readonly p50: number;
  readonly p99: number;
  /** CPU microseconds of this process per entry. */
  readonly cpuMicros: number;
};

/** As many as hold grants at once in a large site, each below its quota. */
const holdersMax = 5_000;
const liveMax = 1_000;
let issued = 0;

function nextHolder(): SpiffeId {
  return `spiffe://stint.local/ci/billing-deploy-${issued++ % holdersMax}` as SpiffeId;
}

/** Commits grants (grant, lease, one event) for many holders in a closed loop of `inFlight` for `durationMs`. */
export async function measureLedger(
  ledger: Ledger,
  inFlight: number,
  durationMs: number,
): Promise<LedgerFigures> {
  const waits: number[] = [];
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const worker = async () => {
    for (let now = start; now < start + durationMs; ) {
      const outcome = await ledger.commit(
        issueEntry(Date.now(), { grant: { spiffeId: nextHolder() } }, liveMax),
      );
      if (outcome.kind !== 'committed') throw new Error(`ledger: an entry was ${outcome.kind}`);
      const end = performance.now();
      waits.push(end - now);
      now = end;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - start) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  waits.sort((a, b) => a - b);
  const at = (share: number) =>
    waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
  return {
    inFlight,
    entries: waits.length,
    rate: waits.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicros: (cpu.user + cpu.system) / waits.length,
  };
}

import type { Log } from '@stint/common/log.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { count, telemetryIsOn, withSpan } from '@stint/common/telemetry.ts';
import type { Clock } from '@stint/common/time.ts';
import { Source } from '../../domain/source.ts';
import { placeBatch, putOffMs } from '../../domain/source-sequence.ts';
import { outageText } from '../outage-text.ts';
import type { Announcer, Delivery, QuarantineStore, RecordStore } from '../ports.ts';
import { IngestTurn, type Refused } from './ingest-turn.ts';
import { type Arrival, type BatchContext, judgeConflict, readArrival, verifyNext } from './judge-batch.ts';
import { judgeSkipped } from './judge-skipped.ts';

/** Brokers followed at once. Each name is given out by the operator, so that this is never reached by honest ones. */
export const sourcesMax = 1_024;

export type IngestOptions = {
  readonly store: RecordStore;
  /** Takes what is refused. A batch that comes late for a skipped place is compared with what was refused before. */
  readonly quarantine: Pick<QuarantineStore, 'add' | 'claims' | 'payload'>;
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly log: Log;
  /** Roots of the trust domain at this moment, DER. */
  readonly rootsDer: () => readonly Uint8Array[];
  /** Called after each durable append and for each batch seen again: a receipt is due to this broker. */
  readonly onReceiptDue: (broker: SpiffeId) => void;
  /** Named steps at which a fault test ends the process; absent otherwise. */
  readonly crashPoint?: (step: 'before append' | 'before acknowledge' | 'before announce') => void;
};

/**
 * Takes batches from the bus into the log: in order per broker, each exactly once.
 *
 * 1. Read and verify what was delivered, in memory. Crash: nothing happened; the bus delivers again.
 * 2. Put aside what is refused, durably, and acknowledge it. Crash between: it is delivered again and counted again.
 * 3. Append everything whose turn it is, in one transaction. Crash before the commit returns: as 1.
 * 4. Acknowledge. Crash before: it is delivered again, found in the log, acknowledged and receipted again.
 * 5. Announce to viewers, who may miss it: the feed that can be resumed is TailRecords. Receipts follow the next checkpoint.
 *
 * Everything here is synchronous, so two calls never interleave.
 */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #sources = new Map<SpiffeId, Source<Arrival>>();
  #outage: string | undefined;

  constructor(options: IngestOptions) {
    this.#options = options;
    for (const high of options.store.highWaters()) this.#sources.set(high.broker, new Source(high));
  }

  /** Why nothing could be appended when it was last tried; undefined when it could. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** The brokers followed, for status answers and for the operator. */
  sources(): Iterable<Source<Arrival>> {
    return this.#sources.values();
  }

  /**
   * Takes in what the bus has delivered. Each is acknowledged, waits for one that is missing, or will be delivered again.
   * @throws what the store throws; then what was not acknowledged before will be delivered again.
   */
  accept(deliveries: readonly Delivery[]): void {
    const turn = new IngestTurn();
    let placed = 0;
    try {
      for (const delivery of deliveries) {
        const read = readArrival(delivery);
        if (read.kind === 'refused') turn.refused.push({ ...read, delivery });
        else this.#place(read.arrival, turn);
        placed++;
      }
      this.#append(turn);
      this.#settleAll(turn);
    } catch (thrown) {
      const unanswered = [...deliveries.slice(placed), ...turn.unanswered()];
      for (const delivery of unanswered) delivery.retryAfter(putOffMs);
      count('stint.audit.append.failures', {}, unanswered.length);
      this.#outage = outageText(thrown);
      throw thrown;
    }
    this.watchGaps();
  }

  /**
   * Reports gaps that last and gaps that closed. Called after each turn and by a timer. What could not be stored is not
   * missing: while the store fails no gap is told, nor can one be skipped.
   */
  watchGaps(): void {
    for (const source of this.#sources.values()) {
      if (this.#outage !== undefined) {
        source.forgetGap();
        continue;
      }
      const change = source.followGap(this.#options.clock.now());
      if (change === undefined) continue;
      const facts = {
        broker: source.broker,
        missing_from: change.missingFrom,
        waiting: source.waiting.count,
      };
      if (change.event === 'reported')
        this.#options.log.error(facts, 'a broker’s events are missing: later ones wait');
      else this.#options.log.info(facts, 'missing events have come');
    }
  }

  #place(arrival: Arrival, turn: IngestTurn): void {
    const source = this.#source(arrival.header.broker);
    if (source === undefined) {
      arrival.delivery.retryAfter(putOffMs);
      return;
    }
    source.lastSeenAt = this.#options.clock.now();
    const high = turn.high(source);
    switch (placeBatch(high, arrival.header.first_seq)) {
      case 'appended before':
        turn.settled.push(arrival);
        break;
      case 'ahead':
        this.#wait(arrival, source);
        break;
      default:
        if (this.#plan(arrival, source, turn))
          for (const ready of source.waiting.takeReady(turn.high(source))) this.#place(ready, turn);
    }
  }

  /**
   * What there is no room for is delivered again later, up to a bound; above it, it is left to its broker, which sends it
   * again for want of a receipt. The bus gives out only so much that is unanswered: the flood of one would stop all others.
   */
  #wait(arrival: Arrival, source: Source<Arrival>): void {
    const { header, sha256, delivery } = arrival;
    const offered = source.waiting.offer({
      firstSeq: header.first_seq,
      sha256,
      sizeBytes: delivery.payload.length,
      item: arrival,
    });
    if (offered.kind === 'waits') {
      // The same bytes in another message: one of the two is enough, and the other would stay unanswered for ever.
      const before = offered.superseded?.delivery;
      if (before !== undefined && before.place !== delivery.place) before.ack();
      return;
    }
    if (source.mayPutOff(this.#options.clock.now())) delivery.retryAfter(putOffMs);
    else delivery.ack();
  }

  /** Verifies the next batch and plans it; false when it was refused. */
  #plan(arrival: Arrival, source: Source<Arrival>, turn: IngestTurn): boolean {
    const { store, rootsDer, clock } = this.#options;
    const highBefore = turn.high(source);
    const epochKey = (epoch: number) =>
      turn.epochKey(source.broker, epoch) ?? store.epochKey(source.broker, epoch);
    const verdict = verifyNext(arrival, {
      high: highBefore,
      epochKey,
      rootsDer: rootsDer(),
      now: clock.now(),
    });
    if (verdict.kind === 'refused') {
      turn.refuse(arrival, verdict);
      return false;
    }
    turn.plan({ arrival, batch: verdict.batch, highBefore });
    return true;
  }

  #append(turn: IngestTurn): void {
    const { store, clock, log } = this.#options;
    for (;;) {
      this.#putAside(turn.refused);
      if (turn.planned.length === 0) return;
      this.#options.crashPoint?.('before append');
      const appended = store.append(
        turn.planned.map(({ batch }) => batch),
        clock.now(),
      );
      if (appended.kind === 'appended') {
        this.#outage = undefined;
        this.#options.crashPoint?.('before acknowledge');
        this.#afterAppend(turn, appended.firstIndex);
        return;
      }
      // One broker's bad batch must not hold up the others': it goes, and what follows it waits again.
      log.error(
        { broker: appended.batch.broker, event_id: appended.eventId },
        'an event id is in the log already',
      );
      const [bad, ...later] = turn.unplanFrom(appended.batch);
      const detail = `event id "${appended.eventId}" is in the log already`;
      if (bad !== undefined) turn.refuse(bad.arrival, { kind: 'refused', reason: 'duplicate_event', detail });
      for (const { arrival } of later) this.#place(arrival, turn);
    }
  }

  #afterAppend(turn: IngestTurn, firstIndex: number): void {
    const { announcer, onReceiptDue } = this.#options;
    // Memory follows the disk before anything else can fail.
    for (const { batch } of turn.planned) {
      const source = this.#sources.get(batch.broker);
      if (source !== undefined) source.high = turn.high(source);
    }
    for (const { arrival, batch } of turn.planned) {
      arrival.delivery.ack();
      onReceiptDue(batch.broker);
    }
    this.#options.crashPoint?.('before announce');
    let index = firstIndex;
    for (const { batch } of turn.planned) {
      for (const { leaf, facts } of batch.events) {
        traceAppend(facts.trace, index);
        announcer.announceEvent(facts.type, { index, leaf, facts });
        index++;
      }
    }
    count('stint.audit.appended', {}, index - firstIndex);
    turn.planned = [];
  }

  #settleAll(turn: IngestTurn): void {
    for (let arrival = turn.settled[0]; arrival !== undefined; arrival = turn.settled[0]) {
      this.#settle(arrival);
      turn.settled.shift();
    }
  }

  /** A batch whose place is taken: the same one again, or another in its stead. */
  #settle(arrival: Arrival): void {
    const { store, onReceiptDue } = this.#options;
    const { broker, first_seq } = arrival.header;
    const known = store.findBatch(broker, first_seq);
    if (known === undefined || known.lastSeq < first_seq) {
      this.#settleVacant(arrival);
      return;
    }
    if (known.firstSeq === first_seq && known.sha256 === arrival.sha256) {
      arrival.delivery.ack();
      onReceiptDue(broker);
      return;
    }
    const verdict = judgeConflict(arrival, this.#conflictContext(broker));
    this.#putAside([{ ...verdict, delivery: arrival.delivery, arrival }]);
  }

  /** A batch whose place was taken by nothing that is in the log. */
  #settleVacant(arrival: Arrival): void {
    const { store, quarantine } = this.#options;
    const { broker, first_seq } = arrival.header;
    const high = this.#sources.get(broker)?.high;
    if (high !== undefined && first_seq <= high.seq) {
      const context = { ...this.#conflictContext(broker), high, store, quarantine };
      this.#putAside([{ ...judgeSkipped(arrival, context), delivery: arrival.delivery, arrival }]);
    }
    // The batch that had its place in this turn was refused after all.
    else arrival.delivery.retryAfter(putOffMs);
  }

  #conflictContext(broker: SpiffeId): Omit<BatchContext, 'high'> {
    const { store, rootsDer, clock } = this.#options;
    const epochKey = (epoch: number) => store.epochKey(broker, epoch);
    return { epochKey, rootsDer: rootsDer(), now: clock.now() };
  }

  /** Puts messages aside and acknowledges them: a flood of them costs one flush and one line for each turn. */
  #putAside(refused: Refused[]): void {
    if (refused.length === 0) return;
    const { quarantine, clock } = this.#options;
    const messages = refused.map(({ reason, detail, delivery, arrival }) => {
      const { subject, payload } = delivery;
      const { broker, first_seq: firstSeq } = arrival?.header ?? {};
      return { reason, detail, subject, broker, firstSeq, payload };
    });
    quarantine.add(messages, clock.now());
    this.#tellRefused(refused);
    for (const { delivery } of refused.splice(0)) delivery.ack();
  }

  #tellRefused(refused: readonly Refused[]): void {
    const { log } = this.#options;
    const factsOf = ({ reason, detail, delivery, arrival }: Refused) => {
      const { broker, first_seq } = arrival?.header ?? {};
      return { reason, detail, subject: delivery.subject, broker, first_seq };
    };
    for (const one of refused.filter(({ reason }) => reason === 'equivocation'))
      log.error(factsOf(one), 'ALARM: a broker signed two different histories; the second was put aside');
    const [first, ...more] = refused.filter(({ reason }) => reason !== 'equivocation');
    if (first === undefined) return;
    const also = more.length === 0 ? {} : { and_more: more.length };
    log.warn({ ...factsOf(first), ...also }, 'a batch was refused and put aside');
  }

  #source(broker: SpiffeId): Source<Arrival> | undefined {
    const known = this.#sources.get(broker);
    if (known !== undefined || this.#sources.size >= sourcesMax) return known;
    const made = new Source<Arrival>({ broker, seq: 0, batchSha256: '', epoch: 0 });
    this.#sources.set(broker, made);
    return made;
  }
}

// The span closes the event's own trace: workload → sidecar → broker → auditor.
function traceAppend(
  trace: { readonly traceId: string; readonly spanId: string } | undefined,
  index: number,
): void {
  if (trace === undefined || !telemetryIsOn()) return;
  const parent = `00-${trace.traceId}-${trace.spanId}-01`;
  withSpan(
    'audit append',
    { kind: 'consumer', parent, attributes: { 'stint.log.index': index } },
    () => undefined,
  );
}

import { createLog } from '@stint/common/log.ts';
import { Ingest } from '../../services/auditor/app/ingest-batch.ts';
import { openStore } from '../../services/auditor/store/open-store.ts';
import { type Scope, tempDir } from './temp-dir.ts';
import { batchPayload, TestBroker, type TestDraft, testTrust } from './test-broker.ts';

/** Events of one batch, where many are made up. */
const eventsPerBatch = 256;

/** A real log in a folder of the scope, which a test writes made-up events into, at times of its own. Record 0 begins an epoch. */
export async function openTestLog(scope: Scope) {
  const clock = { time: Date.UTC(2026, 10, 22), now: () => clock.time };
  const trust = await testTrust(scope, clock);
  const { store, quarantine, close } = await openStore(tempDir(scope));
  scope.after(close);
  const ingest = new Ingest({
    store,
    quarantine,
    clock,
    log: createLog({ service: 'test', level: 'silent' }),
    announcer: { announceEvent: () => undefined, sendReceipt: () => undefined },
    rootsDer: () => trust.rootsDer,
    onReceiptDue: () => undefined,
  });
  const broker = await TestBroker.make(trust, 'b1', clock);
  const nothing = () => undefined;
  const deliver = (batch: Parameters<typeof batchPayload>[0]) =>
    ingest.accept([{ subject: 'audit.b1', payload: batchPayload(batch), ack: nothing, retryAfter: nothing }]);
  deliver(broker.startEpoch());
  return {
    clock,
    store,
    write: (...drafts: TestDraft[]) => deliver(broker.batch(drafts)),
    /** Writes so many denials. */
    fill: (count: number) => {
      for (let left = count; left > 0; left -= eventsPerBatch)
        deliver(broker.fill(Math.min(left, eventsPerBatch)));
    },
  };
}

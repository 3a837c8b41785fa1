import path from 'node:path';
import { createLog } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import { CheckpointPublisher } from '../../services/auditor/app/checkpoints/publish-checkpoint.ts';
import { Ingest } from '../../services/auditor/app/ingest/ingest-batch.ts';
import { LogSignal } from '../../services/auditor/app/log-signal.ts';
import { LogFiles } from '../../services/auditor/store/log-files.ts';
import { createLogKey } from '../../services/auditor/store/log-key.ts';
import { openStore } from '../../services/auditor/store/open-store.ts';
import { heldClock } from './held-clock.ts';
import { type Scope, tempDir } from './temp-dir.ts';
import { batchPayload, TestBroker, type TestDraft, type TestTrust, testTrust } from './test-broker.ts';

/** Events of one batch, where many are made up. */
const eventsPerBatch = 256;

/** The auditor's own log in a folder, with what takes batches in and what signs, without bus and sockets. */
export async function openAuditLog(
  directory: string,
  { trust, clock }: { readonly trust: TestTrust; readonly clock: Clock },
) {
  const key = await createLogKey(path.join(path.dirname(directory), 'state'), 'stint.local/stint/log');
  const { store, quarantine, close } = await openStore(directory);
  const files = new LogFiles(directory);
  files.writeVerifierKey(key.verifierKey);
  const announcer = { announceEvent: () => undefined, sendReceipt: () => undefined };
  const common = { store, clock, announcer, log: createLog({ service: 'test', level: 'silent' }) };
  const ingest = new Ingest({
    ...common,
    quarantine,
    rootsDer: () => trust.rootsDer,
    onReceiptDue: () => undefined,
  });
  const signal = new LogSignal();
  const publisher = new CheckpointPublisher({ ...common, signer: key.signer, files, signal });
  const deliver = (name: string, ...batches: Parameters<typeof batchPayload>[0][]) =>
    ingest.accept(
      batches.map((batch, place) => ({
        place,
        subject: `audit.${name}`,
        payload: batchPayload(batch),
        ack: () => undefined,
        retryAfter: () => undefined,
      })),
    );
  return { store, quarantine, files, key, publisher, signal, deliver, close };
}

/**
 * The same in a folder of the scope, with events that a test makes up for one broker, at times of the test's own. Record 0
 * begins that broker's epoch.
 */
export async function auditLogOfOneBroker(scope: Scope) {
  const clock = heldClock(Date.UTC(2026, 10, 22));
  const trust = await testTrust(scope, clock);
  const { deliver, close, ...log } = await openAuditLog(path.join(tempDir(scope), 'log'), { trust, clock });
  scope.after(close);
  const broker = await TestBroker.make(trust, 'b1', clock);
  deliver('b1', broker.startEpoch());
  return {
    ...log,
    clock,
    write: (...drafts: TestDraft[]) => deliver('b1', broker.batch(drafts)),
    /** Writes so many denials. */
    fill: (count: number) => {
      for (let left = count; left > 0; left -= eventsPerBatch)
        deliver('b1', broker.fill(Math.min(left, eventsPerBatch)));
    },
  };
}

import path from 'node:path';
import { createLog } from '@stint/common/log.ts';
import type { Clock } from '@stint/common/time.ts';
import { CheckpointPublisher } from '../../services/auditor/app/checkpoints/publish-checkpoint.ts';
import { Ingest } from '../../services/auditor/app/ingest/ingest-batch.ts';
import { LogSignal } from '../../services/auditor/app/log-signal.ts';
import { LogFiles } from '../../services/auditor/store/log-files.ts';
import { createLogKey } from '../../services/auditor/store/log-key.ts';
import { openStore } from '../../services/auditor/store/open-store.ts';
import { batchPayload, type TestTrust } from './test-broker.ts';

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
  const publisher = new CheckpointPublisher({
    ...common,
    signer: key.signer,
    files,
    signal: new LogSignal(),
  });
  const deliver = (name: string, ...batches: Parameters<typeof batchPayload>[0][]) =>
    ingest.accept(
      batches.map((batch) => ({
        subject: `audit.${name}`,
        payload: batchPayload(batch),
        ack: () => undefined,
        retryAfter: () => undefined,
      })),
    );
  return { store, quarantine, files, key, publisher, deliver, close };
}

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SignedBatch } from '@stint/common/audit-batch.ts';
import { createLog } from '@stint/common/log.ts';
import { stintIds } from '@stint/common/spiffe-id.ts';
import { systemClock } from '@stint/common/time.ts';
import { CheckpointPublisher } from '../../services/auditor/app/checkpoints/publish-checkpoint.ts';
import { Ingest } from '../../services/auditor/app/ingest/ingest-batch.ts';
import { LogSignal } from '../../services/auditor/app/log-signal.ts';
import { verifyLog } from '../../services/auditor/app/verify/verify-log.ts';
import { LogFiles } from '../../services/auditor/store/log-files.ts';
import { createLogKey } from '../../services/auditor/store/log-key.ts';
import { openLogReader } from '../../services/auditor/store/log-reader.ts';
import { openStore } from '../../services/auditor/store/open-store.ts';
import type { Scope } from '../harness/temp-dir.ts';
import { batchPayload, TestBroker, testDomain, testTrust } from '../harness/test-broker.ts';

/** What one window measured. Rates are events a second. */
export type AppendFigures = {
  readonly appendRate: number;
  readonly rawRate: number;
  readonly ratio: number;
  readonly verifyRate: number;
};

const batchCount = 1_000;
const batchEvents = 16;
/** Batches measured in a row before the other kind has its turn. */
const chunk = 50;

/** An event of about a kilobyte, as a grant's is. */
const draft = {
  actor: { kind: 'workload', spiffe_id: stintIds.viewer(testDomain, 'bench') },
  data: { resource: 'demo-db', policy: 'x'.repeat(560), rule: 'allow-read' },
} as const;

/**
 * Measures what the auditor does with a batch of sixteen events, one batch a commit: decode, verify, append durably;
 * against writing the same bytes to a file with one fdatasync each. One broker, no bus. Then a verification of the whole.
 */
export async function measureAppend(): Promise<AppendFigures> {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-bench-'));
  const scope: Scope = { after: () => undefined };
  try {
    const trust = await testTrust(scope, systemClock);
    const broker = await TestBroker.make(trust, 'b1', systemClock);
    const payloads = makeBatches(broker).map(batchPayload);
    const logDirectory = path.join(directory, 'log');
    const key = await createLogKey(path.join(directory, 'state'), 'bench.local/log');
    const { store, quarantine, close } = await openStore(logDirectory);
    const announcer = { announceEvent: () => undefined, sendReceipt: () => undefined };
    const common = {
      store,
      announcer,
      clock: systemClock,
      log: createLog({ service: 'bench', level: 'silent' }),
    };
    const ingest = new Ingest({
      ...common,
      quarantine,
      rootsDer: () => trust.rootsDer,
      onReceiptDue: () => undefined,
    });
    const publisher = new CheckpointPublisher({
      ...common,
      signer: key.signer,
      files: new LogFiles(logDirectory),
      signal: new LogSignal(),
    });
    const accept = (payload: Buffer) =>
      ingest.accept([
        { place: 0, subject: 'audit.b1', payload, ack: () => undefined, retryAfter: () => undefined },
      ]);
    const file = openSync(path.join(directory, 'raw'), 'w');
    let [raw, append] = [0, 0];
    // In turns, so that what else the machine does slows both alike.
    for (let i = 0; i < payloads.length; i += chunk) {
      const some = payloads.slice(i, i + chunk);
      raw += secondsOf(() => {
        for (const payload of some) writeDurably(file, payload);
      });
      append += secondsOf(() => {
        for (const payload of some) accept(payload);
      });
    }
    closeSync(file);
    const { note } = publisher.current();
    close();
    const reader = openLogReader(logDirectory);
    let size = 0;
    const verify = secondsOf(() => {
      const verdict = verifyLog({ reader, verifier: key.verifier, newest: note, older: [] });
      if (verdict.findings.exitCode !== 0) throw new Error(JSON.stringify(verdict.findings.kept));
      size = verdict.size;
    });
    reader.close();
    const events = batchCount * batchEvents;
    return {
      appendRate: events / append,
      rawRate: events / raw,
      ratio: raw / append,
      verifyRate: size / verify,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function makeBatches(broker: TestBroker): SignedBatch[] {
  const drafts = Array.from({ length: batchEvents }, () => draft);
  return [broker.startEpoch(), ...Array.from({ length: batchCount }, () => broker.batch(drafts))];
}

function writeDurably(file: number, bytes: Buffer): void {
  writeSync(file, bytes);
  fdatasyncSync(file);
}

function secondsOf(work: () => void): number {
  const startedAt = performance.now();
  work();
  return (performance.now() - startedAt) / 1_000;
}

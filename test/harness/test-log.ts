import path from 'node:path';
import { openAuditLog } from './audit-log.ts';
import { heldClock } from './held-clock.ts';
import { type Scope, tempDir } from './temp-dir.ts';
import { TestBroker, type TestDraft, testTrust } from './test-broker.ts';

/** Events of one batch, where many are made up. */
const eventsPerBatch = 256;

/** A real log in a folder of the scope, which a test writes made-up events into, at times of its own. Record 0 begins an epoch. */
export async function openTestLog(scope: Scope) {
  const clock = heldClock(Date.UTC(2026, 10, 22));
  const trust = await testTrust(scope, clock);
  const directory = path.join(tempDir(scope), 'log');
  const { store, quarantine, deliver, close } = await openAuditLog(directory, { trust, clock });
  scope.after(close);
  const broker = await TestBroker.make(trust, 'b1', clock);
  deliver('b1', broker.startEpoch());
  return {
    clock,
    store,
    quarantine,
    write: (...drafts: TestDraft[]) => deliver('b1', broker.batch(drafts)),
    /** Writes so many denials. */
    fill: (count: number) => {
      for (let left = count; left > 0; left -= eventsPerBatch)
        deliver('b1', broker.fill(Math.min(left, eventsPerBatch)));
    },
  };
}

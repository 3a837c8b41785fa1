import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditLogOfOneBroker } from '../../../../test/harness/audit-log.ts';
import { scannedRowsMax } from '../../store/record-store.ts';
import { LogSignal } from '../log-signal.ts';
import type { RecordStore } from '../ports.ts';
import { QueryTurns } from './query-turns.ts';
import { tailRecords } from './tail-records.ts';

test('a tail of what is rare lets others have their turns between its looks, and ends when its reader leaves', async (t) => {
  const log = await auditLogOfOneBroker(t);
  log.fill(scannedRowsMax + 1);
  const reader = new AbortController();
  let looks = 0;
  const store: Pick<RecordStore, 'list' | 'size'> = {
    size: () => log.store.size(),
    list: (query) => {
      looks += 1;
      setImmediate(() => reader.abort());
      return log.store.list(query);
    },
  };
  const publisher = { latest: () => undefined };
  const parts = { store, publisher, signal: new LogSignal(), turns: new QueryTurns() };
  const query = { fromIndex: 0, typePrefix: 'never', signal: reader.signal };
  for await (const page of tailRecords(parts, query)) assert.fail(`${page.records.length} records`);
  assert.equal(looks, 1);
});

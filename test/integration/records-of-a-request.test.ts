import assert from 'node:assert/strict';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { newId } from '@stint/common/ids.ts';
import { systemClock } from '@stint/common/time.ts';
import { partsPerCallMax, recordsPerPartMax } from '../../services/auditor/app/queries/search-records.ts';
import { auditService } from '../../services/auditor/rpc/audit-service.ts';
import {
  listedRecords,
  type RecordQuery,
  type SearchProgress,
} from '../../services/cli/audit/listed-records.ts';
import { auditLogOfOneBroker } from '../harness/audit-log.ts';
import { capturedLog } from '../harness/captured-log.ts';
import { tempDir } from '../harness/temp-dir.ts';

const perCallMax = partsPerCallMax * recordsPerPartMax;

/** A real log behind the auditor's own service, asked as the command line asks. */
async function serve(t: TestContext) {
  const log = await auditLogOfOneBroker(t);
  const { store, quarantine, publisher, signal } = log;
  const facts = {
    verifierKey: '',
    sources: () => [],
    isBusConnected: () => true,
    outage: () => undefined,
    version: '',
  };
  const answers = auditService({ store, quarantine, publisher, signal, ...facts });
  const by = { clock: systemClock, log: capturedLog().log };
  const socket = path.join(tempDir(t), 'admin', 'admin.sock');
  const listeners = [{ kind: 'unix', path: socket }] as const;
  const server = await startGrpcServer({ name: 'auditor', services: [answers], listeners, ...by });
  t.after(() => server.close(0));
  const channel = connectGrpc({ target: { unixPath: socket }, unavailable: 'AUDIT_UNAVAILABLE', ...by });
  t.after(() => channel.close());
  const none = { grant: '', request: '', lease: '', identity: '', type: '', limit: 50 };
  const list = async (query: Partial<RecordQuery>) => {
    const progress: SearchProgress[] = [];
    const records = await listedRecords(channel, { ...none, ...query }, (now) => progress.push(now));
    return { indexes: records.map(({ index }) => index), progress };
  };
  return { ...log, list };
}

test('a search goes on from call to call, says how far it is, and knows when it has all there is', async (t) => {
  const { clock, store, write, fill, list } = await serve(t);
  const [refused, granted, lease] = [
    newId('request', clock.now()),
    newId('request', clock.now()),
    newId('lease', clock.now()),
  ];
  const grant = newId('grant', clock.now());
  fill(perCallMax);
  const ofGrant = { request_id: granted, grant_id: grant, lease_id: lease };
  write({ request_id: refused }, { type: 'grant.decided', ...ofGrant });
  fill(2 * perCallMax);
  write({ type: 'grant.ended', ...ofGrant });
  const at = perCallMax + 1;
  const size = store.size();
  const first = { next: perCallMax, size };
  const second = { next: 2 * perCallMax, size };
  assert.deepEqual(await list({ request: refused }), { indexes: [at], progress: [first] });
  const whole = { indexes: [at + 1, size - 1], progress: [first, second] };
  assert.deepEqual(await list({ request: granted }), whole, 'the rest by the index of its grant');
  assert.deepEqual(await list({ lease }), whole);
  assert.deepEqual(await list({ lease, from: at }), {
    indexes: [at + 1, size - 1],
    progress: [{ next: at + perCallMax, size }],
  });
  assert.deepEqual(await list({ lease, grant }), { indexes: [at + 1, size - 1], progress: [] });
  const never = await list({ request: newId('request', clock.now()) });
  assert.deepEqual([never.indexes, never.progress.length], [[], 3]);
  const newest = await list({ limit: 2 });
  assert.deepEqual(newest, { indexes: [size - 2, size - 1], progress: [] });
});

import path from 'node:path';
import type { AuditEvent } from '@stint/common/audit-event.ts';
import type { Record__Output } from '@stint/common/gen/stint/audit/v1/Record.ts';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import { readVerifierKeyFile } from '@stint/common/input-file.ts';
import { services } from '@stint/common/proto.ts';
import { traceIdsOf } from '@stint/common/telemetry.ts';
import { systemClock } from '@stint/common/time.ts';
import { seeRole } from '../../../deploy/demo/role-witness.ts';
import { devMesh, type Mesh } from '../../../deploy/mesh/mesh.ts';
import { RecordProofs } from '../audit/record-proof.ts';
import { pathText } from '../views/path-text.ts';
import type { StoryTeller } from './story-teller.ts';
import type { TraceStore } from './trace-store.ts';
import { drawTrace } from './trace-tree.ts';
import { DemoWorkload } from './workload.ts';

/** How long records and spans may take to arrive, in milliseconds. */
const arrivalMsMax = 20_000;

/** Each part exports five times a second: a trace that has not grown for so long, in milliseconds, has all its spans. */
const traceRestMs = 500;
const traceMsMax = 5_000;

/** Services that the story's trace must pass through. */
const tracedServices = ['report-job', 'stint-sidecar', 'stint-broker', 'stint-auditor'];

export type StoryParts = {
  readonly mesh: Mesh;
  readonly traces: TraceStore;
  readonly environment: Readonly<Record<string, string>>;
  readonly teller: StoryTeller;
  /** Ends the story where it is. */
  readonly signal: AbortSignal;
};

/**
 * Runs the demo workload and shows, step by step, what becomes of its access. Every step is checked at the part that
 * knows: the role at PostgreSQL, the records at the log with their proofs, the trace by its spans. The first step that
 * does not hold throws.
 */
export async function tellStory(parts: StoryParts): Promise<void> {
  const { mesh, environment } = parts;
  const workload = new DemoWorkload(mesh.paths.sidecarSocket('demo'), environment);
  parts.signal.addEventListener('abort', () => workload.kill(), { once: true });
  const auditor = connectGrpc({
    target: { unixPath: mesh.paths.auditorSocket },
    unavailable: 'AUDITOR_UNAVAILABLE',
    clock: systemClock,
    log: mesh.log,
  });
  const broker = connectGrpc({
    target: { unixPath: mesh.paths.brokerSocket },
    unavailable: 'BROKER_UNAVAILABLE',
    clock: systemClock,
    log: mesh.log,
  });
  try {
    const traceId = traceIdsOf(String((await workload.hear('started'))['traceparent']))?.trace_id ?? '';
    const { grantId } = await showAccess(parts, workload);
    await showDenial(parts, workload, broker);
    await showRecords(parts, auditor, { grantId, traceId });
    await showTrace(parts, traceId, workload);
  } finally {
    workload.kill();
    auditor.close();
    broker.close();
  }
}

/** Steps 1 to 7: asked, allowed, issued, used, completed, gone. */
async function showAccess(
  { mesh, teller }: StoryParts,
  workload: DemoWorkload,
): Promise<{ grantId: string }> {
  teller.step('The report job asks its sidecar for "read" on demo-db: "nightly order report"');
  const granted = await workload.hear('granted');
  const [grantId, user] = [String(granted['grantId']), String(granted['user'])];
  teller.step(`Policy allows it: grant ${grantId}`);
  const { server, superuserPassword } = mesh.target;
  const see = () => seeRole(server, superuserPassword, user);
  const before = await see();
  teller.check(
    before.exists && before.memberOf.includes('stint_demo_read'),
    `PostgreSQL has a user made for this grant: ${user}, member of ${before.memberOf.join(', ')}, valid until ${before.validUntil ?? '?'}`,
  );
  const rows = (await workload.hear('rows'))['rows'] as readonly Record<string, unknown>[];
  teller.check(rows.length > 0, `The job reads ${rows.length} rows with an ordinary PostgreSQL client`);
  teller.table(rows.slice(0, 3));
  const sessions = (await see()).sessions;
  teller.check(sessions === 1, `It has ${sessions} session open; now it says that it is done`);
  workload.goOn();
  await workload.hear('completed');
  const after = await see();
  teller.check(!after.exists && after.sessions === 0, 'PostgreSQL says: no such role, no session of it');
  const fault = (await workload.hear('queried again'))['fault'];
  teller.check(typeof fault === 'string', `The job's next query fails: ${String(fault)}`);
  return { grantId };
}

/** Step 8: a denial with its reason, and what the operator learns of it. */
async function showDenial(
  { teller }: StoryParts,
  workload: DemoWorkload,
  broker: GrpcChannel,
): Promise<void> {
  const denied = await workload.hear('asked for write');
  teller.check(
    denied['reason'] === 'GRANT_DENIED',
    `It asks for "write" and is refused: ${String(denied['message'])}`,
  );
  const request = { resource: 'demo-db', action: 'write' };
  const explained = await broker.call(services.admin.ExplainDecision, {
    spiffeId: devMesh.workload,
    request,
  });
  const [nearest] = explained.nearest;
  const missing =
    nearest?.conditions
      .filter((condition) => condition.outcome === 'fails')
      .map((condition) => condition.text) ?? [];
  const decided =
    explained.ruleIds.length === 0
      ? 'no rule permits it, and what is not permitted is denied'
      : `denied by ${explained.ruleIds.join(', ')}`;
  teller.detail(decided);
  const rule = `${nearest?.ruleId ?? 'none'} (${pathText(nearest?.location ?? '?', process.cwd())})`;
  const isExplained = explained.decision === 'deny' && missing.length > 0;
  teller.proved(
    isExplained,
    '',
    `nearest rule that would have allowed: ${rule}, if ${missing.join(' and ')}`,
  );
}

/** Step 9: the records of all this, each proved against a signed checkpoint. */
async function showRecords(
  { mesh, teller }: StoryParts,
  auditor: GrpcChannel,
  { grantId, traceId }: { grantId: string; traceId: string },
): Promise<void> {
  const records = await until(
    async () => {
      const { records: all } = await auditor.call(services.audit.ListRecords, {
        newestFirst: true,
        pageSize: 100,
      });
      const own = all.filter((record) => isOfStory(record, { grantId, traceId })).reverse();
      return own.some((record) => eventOf(record).type === 'grant.ended') &&
        own.some((record) => eventOf(record).type === 'access.denied')
        ? own
        : undefined;
    },
    () => 'the records did not reach the log',
  );
  const proofs = new RecordProofs(readVerifierKeyFile(path.join(mesh.paths.log, 'log.vkey')));
  teller.step('Every step is a record in the log, proved against a checkpoint the auditor signed');
  for (const record of records) {
    const proof = await auditor.call(services.audit.GetInclusionProof, { index: record.index, wait: true });
    const event = eventOf(record);
    const isProved = proofs.check(record, proof).kind === 'proved';
    teller.proved(isProved, `#${record.index}`, `${event.type.padEnd(16)} ${event.time}`);
  }
}

/** Step 10: one trace through every part. */
async function showTrace(
  { traces, teller }: StoryParts,
  traceId: string,
  workload: DemoWorkload,
): Promise<void> {
  const exitCode = await workload.finished();
  teller.check(exitCode === 0, 'The job has ended; this is its one trace, through every part');
  const missing = () => {
    const reached = new Set(traces.spans(traceId).map((span) => span.service));
    return tracedServices.filter((service) => !reached.has(service));
  };
  await until(
    () => Promise.resolve(missing().length === 0 ? true : undefined),
    () => `the trace ${traceId} did not reach ${missing().join(', ')}`,
  );
  const isWhole = await traceAtRest(traces, traceId);
  teller.drawing(drawTrace(traces.spans(traceId)));
  if (!isWhole) teller.detail('Spans are missing: a part had not sent them yet.');
}

/** Waits until a trace has stopped growing and no span lacks its parent; false when that takes too long. */
async function traceAtRest(traces: TraceStore, traceId: string): Promise<boolean> {
  const end = performance.now() + traceMsMax;
  let [size, restsSince] = [0, 0];
  for (;;) {
    const spans = traces.spans(traceId);
    const now = performance.now();
    if (spans.length !== size) [size, restsSince] = [spans.length, now];
    const known = new Set(spans.map(({ id }) => id));
    const isTied = spans.every(({ parentId }) => parentId === undefined || known.has(parentId));
    if (isTied && now - restsSince >= traceRestMs) return true;
    if (now > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isOfStory(
  record: Record__Output,
  { grantId, traceId }: { grantId: string; traceId: string },
): boolean {
  const event = eventOf(record);
  return event.grant_id === grantId || event.trace?.trace_id === traceId;
}

function eventOf(record: Record__Output): AuditEvent {
  return JSON.parse(record.leaf.toString('utf8')) as AuditEvent;
}

async function until<T>(look: () => Promise<T | undefined>, otherwise: () => string): Promise<T> {
  const end = performance.now() + arrivalMsMax;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(otherwise());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

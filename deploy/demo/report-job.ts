import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import { createLog } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { currentTraceparent, startTelemetry, withSpan } from '@stint/common/telemetry.ts';
import { systemClock } from '@stint/common/time.ts';
import pg from 'pg';

/**
 * The demo's workload: a nightly report. It knows one thing, the path of its sidecar's socket (its one argument), and has
 * no password anywhere. What it does goes to standard output as JSON lines; before it gives access back it waits
 * for a line on standard input, so that whoever watches can look at the database meanwhile.
 */
const [socket = ''] = process.argv.slice(2);
const log = createLog({ service: 'report-job', level: 'warn' });
const telemetry = await startTelemetry('report-job', process.env);
const sidecar = connectGrpc({
  target: { unixPath: socket },
  unavailable: 'BROKER_UNAVAILABLE',
  clock: systemClock,
  log,
});
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

await withSpan('nightly report', {}, async () => {
  tell('started', { traceparent: currentTraceparent() });
  await report();
  await askForTooMuch();
});
sidecar.close();
await telemetry.stop();
process.exit(0);

async function report(): Promise<void> {
  const { grant, credential } = await sidecar.call(services.sidecar.Acquire, {
    resource: 'demo-db',
    action: 'read',
    justification: 'nightly order report',
    context: { run_id: randomUUID() },
  });
  const database = credential?.database;
  if (database === null || database === undefined || grant === null)
    throw new Error('no database credential came');
  tell('granted', { grantId: grant.id, user: database.username, expiresAt: grant.expiresAt?.seconds });
  const { host, port, username: user, password } = database;
  const client = new pg.Client({ host, port, user, password, database: database.database });
  // The session is cut when access ends: that is what this demo shows, and no reason to stop.
  client.on('error', (error) => tell('cut', { code: 'code' in error ? error.code : undefined }));
  await client.connect();
  const { rows } = await withSpan('read orders', { kind: 'client' }, () =>
    client.query('SELECT customer, item, amount_cents FROM orders ORDER BY id'),
  );
  tell('rows', { rows });
  await input.next();
  await sidecar.call(services.sidecar.Release, { grantId: grant.id, waitContained: true });
  tell('completed', {});
  tell('queried again', { fault: await faultOf(client.query('SELECT 1 FROM orders')) });
  await client.end().catch(() => undefined);
}

async function askForTooMuch(): Promise<void> {
  const asked = sidecar.call(services.sidecar.Acquire, {
    resource: 'demo-db',
    action: 'write',
    justification: 'tidy up old orders',
  });
  const fault = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  tell(
    'asked for write',
    fault instanceof Error
      ? { reason: 'reason' in fault ? fault.reason : fault.name, message: fault.message }
      : {},
  );
}

async function faultOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

function tell(event: string, facts: object): void {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

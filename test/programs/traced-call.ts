import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceError } from '@stint/common/errors.ts';
import { connectGrpc } from '@stint/common/grpc-client.ts';
import { startGrpcServer } from '@stint/common/grpc-server.ts';
import { createLog } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { startTelemetry, withSpan } from '@stint/common/telemetry.ts';
import { systemClock } from '@stint/common/time.ts';
import { echoService } from '../harness/echo-server.ts';

// A program for telemetry's tests: two calls, one of them refused, in a span whose parent is the first argument.
const telemetry = await startTelemetry('broker', process.env);
const log = createLog({ service: 'broker' });
const directory = mkdtempSync(path.join(tmpdir(), 'stint-traced-'));
const unixPath = path.join(directory, 's');
const clock = systemClock;
const RenewLease = () => Promise.reject(new ServiceError('GRANT_DENIED', 'no'));
const server = await startGrpcServer({
  name: 'broker',
  log,
  clock,
  listeners: [{ kind: 'unix', path: unixPath }],
  services: [echoService({ RenewLease })],
});
const channel = connectGrpc({ target: { unixPath }, unavailable: 'BROKER_UNAVAILABLE', clock, log });
await withSpan('work', { parent: process.argv[2] }, async () => {
  log.info('inside the span');
  await channel.call(services.access.RequestAccess, {});
  await channel
    .call(services.access.RenewLease, {})
    .catch((refusal: unknown) => log.info({ error: refusal }, 'refused'));
});
channel.close();
await server.close(1_000);
rmSync(directory, { recursive: true });
const stoppingAt = performance.now();
await telemetry.stop();
process.stdout.write(`sdk loaded: ${telemetry.isOn}\nstopped in ${performance.now() - stoppingAt} ms\n`);
// As every service does: what the SDK still tries to send must not keep the process.
process.exit(0);

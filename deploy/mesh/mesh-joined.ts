import { setTimeout as delay } from 'node:timers/promises';
import { isServiceError } from '@stint/common/errors.ts';
import { connectGrpc, type GrpcChannel } from '@stint/common/grpc-client.ts';
import type { Log } from '@stint/common/log.ts';
import { services } from '@stint/common/proto.ts';
import { systemClock } from '@stint/common/time.ts';
import type { MeshPaths } from './mesh-paths.ts';

/** How long the parts of a mesh may take to find one another, in milliseconds: a busy machine, and some tries to connect. */
const joinDeadlineMs = 20_000;

/** How often a part is asked, in milliseconds. */
const pollIntervalMs = 25;

type PartQuestion = {
  readonly part: string;
  readonly socket: string;
  readonly isJoined: (channel: GrpcChannel) => Promise<boolean>;
};

/**
 * Returns when every part says that it has found the others: broker and auditor are on the bus, the sidecar has its session.
 * Each serves before it has, because none may wait for another; who starts a mesh wants to see a whole one.
 * @throws Error naming the part that has not, after 20 seconds; AbortError when the signal aborts.
 */
export async function waitUntilJoined(paths: MeshPaths, log: Log, signal?: AbortSignal): Promise<void> {
  const questions: readonly PartQuestion[] = [
    {
      part: 'broker',
      socket: paths.brokerSocket,
      isJoined: async (broker) => (await broker.call(services.admin.GetStatus, {})).busConnected,
    },
    {
      part: 'auditor',
      socket: paths.auditorSocket,
      isJoined: async (auditor) => (await auditor.call(services.audit.GetStatus, {})).busConnected,
    },
    {
      part: 'sidecar',
      socket: paths.sidecarSocket('demo'),
      isJoined: async (sidecar) => (await sidecar.call(services.sidecar.GetStatus, {})).connected,
    },
  ];
  await Promise.all(questions.map((question) => askUntilJoined(question, log, signal)));
}

async function askUntilJoined(
  { part, socket, isJoined }: PartQuestion,
  log: Log,
  signal: AbortSignal | undefined,
): Promise<void> {
  const target = { unixPath: socket };
  const channel = connectGrpc({ target, unavailable: 'BROKER_UNAVAILABLE', clock: systemClock, log });
  const end = performance.now() + joinDeadlineMs;
  let cause: unknown;
  try {
    while (performance.now() < end) {
      try {
        if (await isJoined(channel)) return;
      } catch (thrown) {
        if (!isServiceError(thrown)) throw thrown;
        cause = thrown; // it died, and may be started again meanwhile
      }
      await delay(pollIntervalMs, undefined, { signal });
    }
  } finally {
    channel.close();
  }
  throw new Error(`mesh: the ${part} has not found the others in ${joinDeadlineMs / 1_000} s`, { cause });
}

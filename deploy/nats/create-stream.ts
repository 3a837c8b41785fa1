import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { bus } from '../../services/common/bus.ts';
import {
  auditConsumerConfig,
  auditStreamConfig,
  streamBytesMaxDefault,
} from '../../services/common/nats-streams.ts';

/**
 * Makes the stream and the auditor's consumer, or brings those that are there to our config; calling it again changes
 * nothing. `connection` is the nats-admin's. Old servers pass silently over fields that they do not know, so what the
 * server says it made is compared with what was asked. Returns whether anything was made or changed.
 * @throws Error naming the fields that came out otherwise; what the server refuses, in its own words.
 */
export async function createStream(
  connection: NatsConnection,
  options: { readonly streamBytesMax?: number } = {},
): Promise<boolean> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const config = auditStreamConfig(options.streamBytesMax ?? streamBytesMaxDefault);
  const known = await manager.streams.info(bus.stream).catch(undefinedIfMissing);
  const stream =
    known === undefined
      ? await manager.streams.add(config)
      : await manager.streams.update(bus.stream, config);
  requireEcho('stream', config, stream.config);
  const isMade = await makeConsumer(manager);
  return isMade || known === undefined || differences(config, known.config).length > 0;
}

/**
 * Servers change only some fields of a consumer that is there; where the change did not take, the consumer is made anew.
 * That loses its place in the stream, and nothing else: the auditor knows what it has. Returns whether one was made.
 */
async function makeConsumer(manager: JetStreamManager): Promise<boolean> {
  const known = await manager.consumers.info(bus.stream, bus.consumer).catch(undefinedIfMissing);
  if (known !== undefined) {
    if (differences(auditConsumerConfig, known.config).length === 0) return false;
    await manager.consumers.delete(bus.stream, bus.consumer);
  }
  const made = await manager.consumers.add(bus.stream, auditConsumerConfig);
  requireEcho('consumer', auditConsumerConfig, made.config);
  return true;
}

function undefinedIfMissing(thrown: unknown): undefined {
  const absent: readonly number[] = [JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.ConsumerNotFound];
  if (thrown instanceof JetStreamApiError && absent.includes(thrown.code)) return undefined;
  throw thrown;
}

function requireEcho(what: string, asked: object, made: object): void {
  const wrong = differences(asked, made);
  if (wrong.length === 0) return;
  throw new Error(`bus: the server made the ${what} otherwise than asked: ${wrong.join(', ')}`);
}

/** Fields that were asked for and are otherwise. */
function differences(asked: object, made: object): string[] {
  const echoed = made as Record<string, unknown>;
  return Object.entries(asked).flatMap(([field, value]) =>
    JSON.stringify(echoed[field]) === JSON.stringify(value) ? [] : [field],
  );
}

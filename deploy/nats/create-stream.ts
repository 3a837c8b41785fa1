import { JetStreamApiCodes, JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
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
 * server says it made is compared with what was asked.
 * @throws Error naming the fields that came out otherwise; what the server refuses, in its own words.
 */
export async function createStream(
  connection: NatsConnection,
  options: { readonly streamBytesMax?: number } = {},
): Promise<void> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const config = auditStreamConfig(options.streamBytesMax ?? streamBytesMaxDefault);
  const known = await manager.streams.info(bus.stream).catch(undefinedIfMissing);
  const stream =
    known === undefined
      ? await manager.streams.add(config)
      : await manager.streams.update(bus.stream, config);
  requireEcho('stream', config, stream.config);
  const consumers = await manager.consumers.info(bus.stream, bus.consumer).catch(undefinedIfMissing);
  const {
    durable_name: _durable,
    name: _name,
    deliver_policy: _policy,
    ack_policy: _ack,
    ...changeable
  } = auditConsumerConfig;
  const consumer =
    consumers === undefined
      ? await manager.consumers.add(bus.stream, auditConsumerConfig)
      : await manager.consumers.update(bus.stream, bus.consumer, changeable);
  requireEcho('consumer', auditConsumerConfig, consumer.config);
}

function undefinedIfMissing(thrown: unknown): undefined {
  const absent: readonly number[] = [JetStreamApiCodes.StreamNotFound, JetStreamApiCodes.ConsumerNotFound];
  if (thrown instanceof JetStreamApiError && absent.includes(thrown.code)) return undefined;
  throw thrown;
}

function requireEcho(what: string, asked: object, made: object): void {
  const echoed = made as Record<string, unknown>;
  const wrong = Object.entries(asked).filter(
    ([field, value]) => JSON.stringify(echoed[field]) !== JSON.stringify(value),
  );
  if (wrong.length === 0) return;
  throw new Error(
    `bus: the server made the ${what} otherwise than asked: ${wrong.map(([field]) => field).join(', ')}`,
  );
}

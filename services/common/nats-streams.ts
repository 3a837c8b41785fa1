import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { bus } from './bus.ts';

const secondNanos = 1_000_000_000;

/** Most bytes that the stream keeps, by default: what the brokers sent while the auditor was away. */
export const streamBytesMaxDefault = 1_073_741_824;

/** Largest message: a full batch of 900 000 bytes with its frame. */
export const busMessageBytesMax = 1_048_576;

/** How long the bus knows a message's id, in seconds. A broker that sends again later is not taken for a repetition. */
export const duplicateWindowSeconds = 30;

/** Deliveries without an answer, at most: above what the auditor lets wait for missing batches of a few brokers. */
export const unacknowledgedMax = 4_096;

/** A delivery that is not answered in this time is made again, in seconds. */
export const acknowledgeSeconds = 5;

/**
 * The stream that carries batches to the auditor. It is transport and may lose: a broker keeps every event until the
 * auditor's receipt covers it, and sends again. So a full stream drops its oldest message, which the auditor has had
 * long ago unless it is down, and never refuses a new one.
 */
export function auditStreamConfig(maxBytes: number = streamBytesMaxDefault) {
  return {
    name: bus.stream,
    subjects: [bus.batchSubjects],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: 72 * 3_600 * secondNanos,
    max_bytes: maxBytes,
    max_msg_size: busMessageBytesMax,
    duplicate_window: duplicateWindowSeconds * secondNanos,
    num_replicas: 1,
    deny_delete: true,
    deny_purge: true,
  } satisfies Partial<StreamConfig>;
}

/** The auditor's durable consumer: everything in order, each until it is acknowledged. */
export const auditConsumerConfig = {
  durable_name: bus.consumer,
  name: bus.consumer,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  ack_wait: acknowledgeSeconds * secondNanos,
  max_deliver: -1,
  max_ack_pending: unacknowledgedMax,
} satisfies Partial<ConsumerConfig>;

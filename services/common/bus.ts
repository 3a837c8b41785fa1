/**
 * Names on the bus. Brokers publish sealed batches, each under its own subject; the auditor, once a batch is durable,
 * republishes every event under its kind for whoever may listen, and answers the broker with a receipt.
 */
export const bus = {
  /** The JetStream stream that carries batches from brokers to the auditor. */
  stream: 'AUDIT',
  /** The auditor's durable consumer of it. */
  consumer: 'auditor',
  /** Where a broker publishes its sealed batches (JetStream). */
  batchSubject: (broker: string) => `audit.${broker}`,
  batchSubjects: 'audit.>',
  /** Where the auditor republishes an event after it is durable (plain NATS), e.g. `auditlog.lease.revoked`. Any type a broker has. */
  eventSubject: (type: string) => `auditlog.${type}`,
  eventSubjects: 'auditlog.>',
  /** Events that say that a lease ended, or began to: brokers that share a store listen for what the others end. */
  leaseEndSubjects: ['auditlog.lease.revoking', 'auditlog.lease.revoked'],
  /** Where the auditor sends a broker its receipts (plain NATS). */
  receiptSubject: (broker: string) => `receipt.${broker}`,
  receiptSubjects: 'receipt.>',
  /** Inboxes are private to each user, so that nobody reads another's replies. */
  inboxPrefix: (user: string) => `_INBOX.${user}`,
} as const;

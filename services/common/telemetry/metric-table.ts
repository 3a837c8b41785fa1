/** What is known of a metric before it is recorded; the table in the documentation is made of it. */
type Metric = {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly unit: string;
  /** The parts that record it. */
  readonly by: string;
  /** Attributes that its points may have. Each has few values: a reason, an outcome, a configured name. */
  readonly attributes: string;
  readonly description: string;
};

/**
 * Every metric of Stint. Counters end in no unit; durations are in seconds. Ids of grants, leases and identities are
 * never attributes: their number is not bounded. Names of RPC metrics: OpenTelemetry semantic conventions 1.44,
 * release candidate.
 */
export const metricTable = {
  'rpc.server.call.duration': {
    kind: 'histogram',
    unit: 's',
    by: 'all',
    attributes: 'rpc.system.name, rpc.method, rpc.status_code',
    description: 'Duration of calls answered',
  },
  'rpc.client.call.duration': {
    kind: 'histogram',
    unit: 's',
    by: 'all',
    attributes: 'rpc.system.name, rpc.method, rpc.status_code',
    description: 'Duration of calls made',
  },
  'stint.grant.requests': {
    kind: 'counter',
    unit: '{request}',
    by: 'broker',
    attributes: 'stint.outcome (granted, replayed, denied, refused), stint.provider, error.type',
    description: 'Access requests by outcome; denied is policy, refused is everything else',
  },
  'stint.grant.duration': {
    kind: 'histogram',
    unit: 's',
    by: 'broker',
    attributes: 'as stint.grant.requests',
    description: 'From request to credential or refusal, its record on disk included',
  },
  'stint.credential.issue.duration': {
    kind: 'histogram',
    unit: 's',
    by: 'broker',
    attributes: 'stint.provider, error.type',
    description: 'Creation at the target; signing has none',
  },
  'stint.revocation.count': {
    kind: 'counter',
    unit: '{lease}',
    by: 'broker',
    attributes: 'stint.outcome (revoked, stuck), stint.end_reason, stint.provider',
    description: 'Leases ended, and leases that became stuck: alert on those',
  },
  'stint.revocation.lag': {
    kind: 'histogram',
    unit: 's',
    by: 'broker',
    attributes: 'stint.end_reason, stint.provider',
    description:
      'From the end of a lease, by time or by word, to nobody being able to use it: alert above 30 s',
  },
  'stint.sidecar.cache.lookups': {
    kind: 'counter',
    unit: '{lookup}',
    by: 'sidecar',
    attributes: 'stint.outcome (hit, miss)',
    description: 'Acquire calls by hit or miss',
  },
  'stint.audit.append.failures': {
    kind: 'counter',
    unit: '{batch}',
    by: 'auditor',
    attributes: '',
    description: 'Batches that could not be appended: alert on any',
  },
  'stint.audit.appended': {
    kind: 'counter',
    unit: '{event}',
    by: 'auditor',
    attributes: '',
    description: 'Events made durable in the log',
  },
  'stint.audit.false_receipts': {
    kind: 'counter',
    unit: '{receipt}',
    by: 'broker',
    attributes: '',
    description: 'Receipts signed by the log for what was never sent: alert on any',
  },
  'stint.grants.active': {
    kind: 'gauge',
    unit: '{grant}',
    by: 'broker',
    attributes: '',
    description:
      'Grants in the store that have not ended; brokers that share a store all tell the same number',
  },
  'stint.leases.live': {
    kind: 'gauge',
    unit: '{lease}',
    by: 'sidecar',
    attributes: '',
    description: 'Leases held in memory',
  },
  'stint.audit.backlog': {
    kind: 'gauge',
    unit: '{event}',
    by: 'broker',
    attributes: '',
    description: 'Events not yet covered by a receipt',
  },
  'stint.svid.expiry': {
    kind: 'gauge',
    unit: 's',
    by: 'sidecar',
    attributes: '',
    description: "Time until the service's own SVID ends",
  },
  'stint.sidecar.seconds_to_expiry': {
    kind: 'gauge',
    unit: 's',
    by: 'sidecar',
    attributes: '',
    description: 'Time until the first held lease ends',
  },
} as const satisfies Record<string, Metric>;

type MetricTable = typeof metricTable;
type MetricOf<Kind> = {
  [Name in keyof MetricTable]: MetricTable[Name]['kind'] extends Kind ? Name : never;
}[keyof MetricTable];

/** The fixed set of metric names, by what can be done with them. */
export type CounterName = MetricOf<'counter'>;
export type HistogramName = MetricOf<'histogram'>;
export type GaugeName = MetricOf<'gauge'>;

/** Durations of calls and steps, in seconds. Source: semantic conventions, RPC metrics; above 10 s for revocations. */
export const durationBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300,
];

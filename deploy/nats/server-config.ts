import { bus } from '../../services/common/bus.ts';
import { busUserName } from '../../services/common/nats.ts';
import { busMessageBytesMax } from '../../services/common/nats-streams.ts';
import { type SpiffeId, stintIds, type TrustDomain } from '../../services/common/spiffe-id.ts';

/** What the server's config is made of. Names are last segments of SPIFFE IDs. */
export type NatsConfigOptions = {
  readonly trustDomain: TrustDomain;
  readonly brokers: readonly string[];
  readonly viewers: readonly string[];
  /** Absolute paths, in PEM: the server's SVID with its chain, its key, and the trust domain's roots. */
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly trustBundleFile: string;
  /** Where clients connect; absent when the command line says so. */
  readonly listen?: string;
  /** JetStream's folder and its bounds; absent folder: the command line says so. */
  readonly storeDirectory?: string;
  readonly storeBytesMax?: number;
};

const storeBytesMaxDefault = 4_294_967_296;

/**
 * The text of nats.conf for Stint's bus: TLS both ways, each user named by the SPIFFE ID of its certificate, rights as
 * allow lists only (deny rules that overlap wildcards can be passed by in older servers), one account for the log and
 * one for the server's own events. No password, no default user, no other listener. Works from nats-server 2.9.10 on.
 *
 * `verify_and_map` looks at e-mail and DNS names before the URI, so the CA must not issue a leaf whose other names
 * read as somebody else's SPIFFE ID; Stint's CA takes no names from requests. One line per SPIFFE ID, no patterns:
 * a new broker or viewer is a new config and a SIGHUP.
 */
export function natsServerConfig(options: NatsConfigOptions): string {
  const users = [
    ...options.brokers.map((name) => brokerUser(stintIds.broker(options.trustDomain, name), name)),
    auditorUser(stintIds.auditor(options.trustDomain)),
    ...options.viewers.map((name) => viewerUser(stintIds.viewer(options.trustDomain, name))),
    `      { user: ${quote(stintIds.natsAdmin(options.trustDomain))} }`,
  ];
  return [
    ...(options.listen === undefined ? [] : [`listen: ${quote(options.listen)}`]),
    `max_payload: ${busMessageBytesMax}`,
    ...jetStream(options),
    'tls {',
    `  cert_file: ${quote(options.certificateFile)}`,
    `  key_file: ${quote(options.keyFile)}`,
    `  ca_file: ${quote(options.trustBundleFile)}`,
    '  verify_and_map: true',
    '  timeout: 5',
    '}',
    'accounts {',
    '  SYS {}',
    '  AUDIT {',
    '    jetstream: enabled',
    '    users: [',
    users.join(',\n'),
    '    ]',
    '  }',
    '}',
    'system_account: SYS',
    '',
  ].join('\n');
}

function jetStream(options: NatsConfigOptions): string[] {
  const bounds = [
    `  max_file_store: ${options.storeBytesMax ?? storeBytesMaxDefault}`,
    '  max_memory_store: 0',
  ];
  const folder =
    options.storeDirectory === undefined ? [] : [`  store_dir: ${quote(options.storeDirectory)}`];
  return ['jetstream {', ...folder, ...bounds, '}'];
}

/** A broker: its own batches, its own receipts, its own inbox; and which leases ended, for what others on its store ended. */
function brokerUser(id: SpiffeId, name: string): string {
  return user(id, {
    publish: [bus.batchSubject(name)],
    subscribe: [inboxOf(id), bus.receiptSubject(name), ...bus.leaseEndSubjects],
  });
}

/** The auditor: takes batches from its one consumer, which it may make anew, and announces. It cannot publish a batch. */
function auditorUser(id: SpiffeId): string {
  const consumer = `${bus.stream}.${bus.consumer}`;
  const api = ['INFO', 'MSG.NEXT', 'CREATE', 'DURABLE.CREATE', 'DELETE'].map(
    (call) => `$JS.API.CONSUMER.${call}.${consumer}`,
  );
  const publish = [
    ...api,
    `$JS.API.STREAM.INFO.${bus.stream}`,
    `$JS.ACK.${consumer}.>`,
    bus.eventSubjects,
    bus.receiptSubjects,
  ];
  return user(id, { publish, subscribe: [inboxOf(id)] });
}

/** A viewer: listens to events that are in the log. It can publish to its own inbox alone, which is to say to nobody. */
function viewerUser(id: SpiffeId): string {
  return user(id, { publish: [inboxOf(id)], subscribe: [bus.eventSubjects, inboxOf(id)] });
}

function user(id: SpiffeId, rights: { publish: readonly string[]; subscribe: readonly string[] }): string {
  const list = (subjects: readonly string[]) => `{ allow: [${subjects.map(quote).join(', ')}] }`;
  return `      { user: ${quote(id)}, permissions: { publish: ${list(rights.publish)}, subscribe: ${list(rights.subscribe)} } }`;
}

function inboxOf(id: SpiffeId): string {
  return `${bus.inboxPrefix(busUserName(id))}.>`;
}

function quote(text: string): string {
  if (/["\\\n\r]/.test(text)) throw new Error(`nats config: ${JSON.stringify(text)} cannot stand in it`);
  return `"${text}"`;
}

import type { ConfigOf, ConfigSpec, OptionTable } from '@stint/common/config-types.ts';

const options = {
  trustDomain: {
    type: 'string',
    default: 'stint.local',
    pattern: /^[a-z0-9._-]{1,255}$/,
    doc: 'Trust domain that this broker is the authority of. Changing it later makes every SVID and grant of before foreign.',
  },
  name: {
    type: 'string',
    default: 'b1',
    pattern: /^[a-z0-9]{1,12}$/,
    doc: "This broker's name: part of its SPIFFE ID, of its subject on the bus and of every name at a target. Never reuse one for another store.",
  },
  stateDir: {
    type: 'path',
    place: 'new directory',
    default: '.stint/broker',
    doc: 'Private directory (0700) for the CA, the token signing keys and the SQLite store. A copy of it is a copy of this broker.',
  },
  store: {
    type: 'enum',
    values: ['sqlite', 'postgresql'],
    default: 'sqlite',

    doc: 'Where grants live: `sqlite` (a file in the state directory, one broker) or `postgresql`.',
  },
  storeUrlFile: {
    type: 'secretFile',
    optional: true,
    doc: 'File with the postgres:// URL of the store, with its password; needed when the store is `postgresql`.',
  },
  bundleDir: {
    type: 'path',
    place: 'directory',
    default: 'deploy/demo',
    doc: 'Directory with registry.yaml and policies/*.cedar. A faulty one is refused whole, with file and line.',
  },
  providersFile: {
    type: 'path',
    place: 'file',
    optional: true,
    doc: 'YAML file that names the targets leases are made at; without it only `grant-token` (signed tokens) exists.',
  },
  tokenIssuer: {
    type: 'string',
    default: 'https://stint.local',
    pattern: /^https:\/\/[^\s?#@]{1,500}$/,
    doc: 'The `iss` claim of signed tokens. Verifiers compare it letter by letter: changing it ends every token at once.',
  },
  meshListen: {
    type: 'address',
    default: '127.0.0.1:7301',
    doc: 'Where sidecars connect, by mutual TLS. Port 0 takes a free one, told in the ready line.',
  },
  bootstrapListen: {
    type: 'address',
    default: '127.0.0.1:7302',
    doc: 'Where workloads without an SVID attest; the server alone shows a certificate.',
  },
  adminSocket: {
    type: 'path',
    place: 'new file',
    default: '.stint/run/broker/admin.sock',
    doc: 'Unix socket for the local operator, in a directory of its own (0700): who may open it may do everything.',
  },
  natsUrl: {
    type: 'string',
    default: 'tls://127.0.0.1:4222',
    pattern: /^tls:\/\/[^\s/]+:\d{1,5}$/,
    doc: 'The bus that carries audit events. While it is away events wait in the store, up to the backlog limits.',
  },
  natsHostNames: {
    type: 'list',
    default: ['localhost', '127.0.0.1'],
    pattern: /^[a-z0-9:]([a-z0-9.:-]{0,251}[a-z0-9:])?$/,
    itemsMax: 16,
    doc: "Host names and addresses in the bus's certificate, for clients that check names: what outside viewers connect to. Stint's own parts check its SPIFFE ID.",
  },
  logVerifierKeyFile: {
    type: 'path',
    default: '.stint/log/log.vkey',
    doc: "The audit log's verifier key, pinned: only receipts signed by it free events from the store.",
  },
  backlogEventsMax: {
    type: 'integer',
    default: 1_000_000,
    min: 1,
    max: 100_000_000,
    unit: 'events',
    doc: 'Events that may wait for the auditor before new grants are refused (AUDIT_UNAVAILABLE). Too low refuses on every hiccup.',
  },
  backlogBytesMax: {
    type: 'integer',
    default: 1_073_741_824,
    min: 1_024,
    max: 1_099_511_627_776,
    unit: 'bytes',
    doc: 'Bytes of events that may wait, likewise. Leave room on the disk for them.',
  },
  backlogAgeMax: {
    type: 'duration',
    default: '10m',
    min: '1s',
    max: '24h',
    doc: 'Age of the oldest waiting event at which new grants are refused, likewise. Revocation always goes on.',
  },
  trustBundleFile: {
    type: 'path',
    place: 'new file',
    default: '.stint/trust-bundle.pem',
    doc: 'Where the roots of the trust domain are written, for those who have no SVID yet. Public; replaced whole at start.',
  },
  svidTtl: {
    type: 'duration',
    default: '1h',
    min: '1m',
    max: '24h',
    doc: 'Life of the SVIDs that workloads get; they are rotated at half of it. No credential outlives the SVID that asked for it.',
  },
  exitWithParent: {
    type: 'boolean',
    default: false,
    doc: 'End when standard input closes, so that a development mesh leaves no process behind.',
  },
} as const satisfies OptionTable;

/** The broker's options: one table for flags, variables, file, help and documentation. */
export const brokerConfig: ConfigSpec<typeof options> = {
  service: 'broker',
  summary: 'decides requests for access, issues and revokes credentials, and records every step',
  options,
};

export type BrokerConfig = ConfigOf<typeof options>;

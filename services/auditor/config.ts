import type { ConfigOf, ConfigSpec, OptionTable } from '@stint/common/config-types.ts';

const options = {
  trustDomain: {
    type: 'string',
    default: 'stint.local',
    pattern: /^[a-z0-9._-]{1,255}$/,
    doc: 'Trust domain whose brokers are recorded. Batches of any other are refused.',
  },
  logDir: {
    type: 'path',
    place: 'new directory',
    default: '.stint/log',
    doc: 'Directory of the log: records.db and the public files `checkpoint` and `log.vkey`. A key begins one log: start with the directory emptied or another one is refused.',
  },
  stateDir: {
    type: 'path',
    place: 'new directory',
    default: '.stint/auditor',
    doc: "Private directory (0700) for the log's signing key and the auditor's SVID. Never the log's own: who holds the key can sign another history.",
  },
  origin: {
    type: 'string',
    default: 'stint.local/stint/log',
    pattern: /^[^\s+]{1,200}$/,
    doc: 'Name of the log and of its key, first line of every checkpoint. Changing it makes a new log key name: verifiers must be told.',
  },
  checkpointInterval: {
    type: 'duration',
    default: '1s',
    min: '50ms',
    max: '1s',
    doc: 'Least time between two checkpoints; what comes into a quiet log is signed at once. Brokers keep events until one covers them, and send them again after two seconds without.',
  },
  meshListen: {
    type: 'address',
    default: '127.0.0.1:7303',
    doc: 'Where viewers query the log, by mutual TLS. Port 0 takes a free one, told in the ready line.',
  },
  adminSocket: {
    type: 'path',
    place: 'new file',
    default: '.stint/run/auditor/admin.sock',
    doc: 'Unix socket for the operator, in a directory of its own (0700): who may open it may read the whole log, and skip a gap or dismiss a refused message, which nothing undoes.',
  },
  natsUrl: {
    type: 'string',
    default: 'tls://127.0.0.1:4222',
    pattern: /^tls:\/\/[^\s/]+:\d{1,5}$/,
    doc: 'The bus that batches come by. While it is away the log stands still and brokers keep their events.',
  },
  brokerMesh: {
    type: 'address',
    default: '127.0.0.1:7301',
    doc: "A broker's mesh address, where the auditor's SVID is rotated.",
  },
  brokerBootstrap: {
    type: 'address',
    default: '127.0.0.1:7302',
    doc: "A broker's bootstrap address, where the auditor attests by its join token.",
  },
  trustBundleFile: {
    type: 'path',
    default: '.stint/trust-bundle.pem',
    doc: "The trust domain's roots in PEM: what the broker is known by before there is an SVID.",
  },
  joinTokenFile: {
    type: 'path',
    default: '.stint/auditor/join-token',
    doc: 'File (0600) with a join token for the auditor. Read again at each try and removed once spent.',
  },
  exitWithParent: {
    type: 'boolean',
    default: false,
    doc: 'End when standard input closes, so that a development mesh leaves no process behind.',
  },
} as const satisfies OptionTable;

/** The auditor's options: one table for flags, variables, file, help and documentation. */
export const auditorConfig: ConfigSpec<typeof options> = {
  service: 'auditor',
  summary:
    'records every event of the brokers in an append-only log, signs it, proves it and serves it to readers',
  options,
};

export type AuditorConfig = ConfigOf<typeof options>;

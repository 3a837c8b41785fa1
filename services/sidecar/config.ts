import path from 'node:path';
import type { ConfigOf, ConfigSpec, OptionTable } from '@stint/common/config-types.ts';

const options = {
  trustDomain: {
    type: 'string',
    default: 'stint.local',
    pattern: /^[a-z0-9._-]{1,255}$/,
    doc: 'Trust domain of the workload and its broker. A broker of another one is refused.',
  },
  spiffeId: {
    type: 'string',
    optional: true,
    pattern: /^spiffe:\/\/[a-z0-9._-]{1,255}\/[A-Za-z0-9._/-]{1,1700}$/,
    doc: 'Whom the workload must be. Not set: whoever the join token is for; set wrong: the SVID is refused and nothing works.',
  },
  socket: {
    type: 'path',
    place: 'new file',
    optional: true,
    doc: 'Unix socket for the workload, in a directory of its own (0700): who may open it is the workload. Not set: $XDG_RUNTIME_DIR/stint/sidecar.sock.',
  },
  broker: {
    type: 'address',
    default: '127.0.0.1:7301',
    doc: "The broker's mesh listener. A name with several addresses is tried address by address.",
  },
  bootstrap: {
    type: 'address',
    default: '127.0.0.1:7302',
    doc: "The broker's bootstrap listener, where a join token becomes the first SVID.",
  },
  bundleFile: {
    type: 'path',
    doc: "PEM file with the trust domain's roots: what the broker is known by before there is an SVID.",
  },
  joinTokenFile: {
    type: 'path',
    doc: 'File (0600) with a single-use join token. Read again at each try and removed once spent; needed at first and after sleeping past the end of the SVID.',
  },
  stateFile: {
    type: 'path',
    place: 'new file',
    optional: true,
    doc: 'File (0600, in a 0700 directory) that keeps key and SVID for the next process. Not set: in memory only, and a restart needs a new join token. A thief of it is this workload, and stays it by rotation until the identity is suspended.',
  },
  leasesMax: {
    type: 'integer',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: 'leases',
    doc: 'Leases held, asked for and being ended at once; one more is RATE_LIMITED. About 2 KB of memory each; a question is RATE_LIMITED too while their answers take more than 8 KiB each on average.',
  },
  verifySilenceMax: {
    type: 'duration',
    default: '1m',
    min: '10s',
    max: '1h',
    doc: 'How long after the last word from the broker Verify still accepts tokens. Long: a token ended meanwhile is accepted for as long; short: a restart of the broker is felt.',
  },
  exitWithParent: {
    type: 'boolean',
    default: false,
    doc: 'End when standard input closes, so that a development mesh leaves no process behind.',
  },
} as const satisfies OptionTable;

/** The sidecar's options: one table for flags, variables, file, help and documentation. */
export const sidecarConfig: ConfigSpec<typeof options> = {
  service: 'sidecar',
  summary: 'gets, keeps, shares, renews and gives back access for the workload beside it',
  options,
};

export type SidecarConfig = ConfigOf<typeof options>;

/** Where the workload's socket is: as configured, else in the user's runtime directory; undefined when there is neither. */
export function socketPath(
  config: Pick<SidecarConfig, 'socket'>,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const runtimeDir = environment['XDG_RUNTIME_DIR'] ?? '';
  return config.socket ?? (runtimeDir === '' ? undefined : path.join(runtimeDir, 'stint', 'sidecar.sock'));
}

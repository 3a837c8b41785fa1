import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { replacePrivateFile } from '@stint/common/private-file.ts';
import type { SpiffeId } from '@stint/common/spiffe-id.ts';
import { repositoryRoot } from '../tools.ts';
import type { BrokerAdmin } from './broker-admin.ts';
import { demoProviders, demoSecrets } from './demo-target.ts';
import type { MeshPaths } from './mesh-paths.ts';
import type { MeshPorts } from './mesh-ports.ts';

/** What a service's command line is made of. */
export type MeshPlace = {
  readonly paths: MeshPaths;
  readonly ports: MeshPorts;
  readonly admin: BrokerAdmin;
  /** Who attests with a join token. */
  readonly identities: { readonly auditor: SpiffeId; readonly workload: SpiffeId };
};

/** The arguments of the mesh's broker; writes its providers file. */
export async function brokerArgs({ paths, ports }: MeshPlace): Promise<string[]> {
  const { brokerPasswordFile } = await demoSecrets(path.join(paths.target, 'secrets'));
  const providersFile = path.join(paths.state, 'providers.yaml');
  writeFileSync(providersFile, demoProviders(ports.postgres, brokerPasswordFile));
  return flags({
    'state-dir': path.join(paths.state, 'broker'),
    'bundle-dir': path.join(repositoryRoot, 'deploy/demo'),
    'providers-file': providersFile,
    'mesh-listen': `127.0.0.1:${ports.mesh}`,
    'bootstrap-listen': `127.0.0.1:${ports.bootstrap}`,
    'admin-socket': paths.brokerSocket,
    'nats-url': `tls://127.0.0.1:${ports.nats}`,
    'log-verifier-key-file': path.join(paths.log, 'log.vkey'),
    'trust-bundle-file': paths.trustBundle,
  });
}

/** The arguments of the mesh's auditor; asks the broker for a join token, and so needs it to serve. */
export async function auditorArgs({ paths, ports, admin, identities }: MeshPlace): Promise<string[]> {
  const stateDir = path.join(paths.state, 'auditor');
  return flags({
    'log-dir': paths.log,
    'state-dir': stateDir,
    'mesh-listen': `127.0.0.1:${ports.auditor}`,
    'admin-socket': paths.auditorSocket,
    'nats-url': `tls://127.0.0.1:${ports.nats}`,
    'broker-mesh': `127.0.0.1:${ports.mesh}`,
    'broker-bootstrap': `127.0.0.1:${ports.bootstrap}`,
    'trust-bundle-file': paths.trustBundle,
    'join-token-file': await joinTokenFile(admin, stateDir, identities.auditor),
  });
}

/** The arguments of the demo workload's sidecar; asks the broker for a join token, and so needs it to serve. */
export async function sidecarArgs({ paths, ports, admin, identities }: MeshPlace): Promise<string[]> {
  const stateDir = path.join(paths.state, 'sidecar');
  return flags({
    'spiffe-id': identities.workload,
    socket: paths.sidecarSocket('demo'),
    broker: `127.0.0.1:${ports.mesh}`,
    bootstrap: `127.0.0.1:${ports.bootstrap}`,
    'bundle-file': paths.trustBundle,
    'join-token-file': await joinTokenFile(admin, stateDir, identities.workload),
    'state-file': path.join(stateDir, 'svid.json'),
  });
}

/** A fresh token for each start: one that is not needed, because the part kept its SVID, dies by itself. */
async function joinTokenFile(admin: BrokerAdmin, directory: string, spiffeId: SpiffeId): Promise<string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, 'join-token');
  await replacePrivateFile(file, await admin.joinToken(spiffeId));
  return file;
}

function flags(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
}

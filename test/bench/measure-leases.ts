import path from 'node:path';
import { services } from '@stint/common/proto.ts';
import { demoSecrets } from '../../deploy/mesh/demo-target.ts';
import type { BenchMesh } from './bench-mesh.ts';
import { type Figure, figureOf } from './figure.ts';
import { BareRoles, Loop } from './postgres-lease.ts';

const windows = 5;
const windowMs = 1_500;
const inFlight = 8;

/**
 * Measures leases at the demo's PostgreSQL through the whole mesh (asked for, created, given back, cut off), in turns with
 * CREATE ROLE and DROP ROLE alone on the same server and as many connections.
 */
export async function measureLeases(mesh: BenchMesh): Promise<{ figures: Figure[]; answered: number }> {
  const { paths, ports } = mesh.mesh;
  const { brokerPassword } = await demoSecrets(path.join(paths.state, 'postgresql', 'secrets'));
  const place = { host: '127.0.0.1', port: ports.postgres, password: brokerPassword };
  const bare = await BareRoles.connect(place, inFlight);
  const channel = mesh.channel(paths.sidecarSocket('demo'));
  let answered = 0;
  const lease = async () => {
    const question = { resource: 'demo-db', action: 'read', justification: 'bench', fresh: true };
    const { grant } = await channel.call(services.sidecar.Acquire, question);
    answered += 1;
    await channel.call(services.sidecar.Release, { grantId: grant?.id ?? '', waitContained: true });
  };
  const rate = async (work: (caller: number) => Promise<unknown>) => {
    const loop = new Loop(inFlight, work);
    await loop.run(windowMs);
    return loop.figure().rate;
  };
  const taken: { floor: number; rate: number }[] = [];
  try {
    for (let i = -1; i < windows; i++) {
      const window = { floor: await rate((caller) => bare.createAndDrop(caller)), rate: await rate(lease) };
      if (i >= 0) taken.push(window);
    }
    await mesh.audited();
  } finally {
    channel.close();
    await bare.close();
  }
  const kind = { name: 'lease.postgres.rate', unit: '/s', better: 'higher' } as const;
  const figure = figureOf(
    kind,
    taken.map((window) => window.rate),
    taken.map((window) => window.floor),
  );
  return { figures: [figure], answered };
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as elapse } from 'node:timers/promises';
import { TestCa } from '../harness/test-ca.ts';
import { BenchMesh } from './bench-mesh.ts';
import { BenchChild } from './child.ts';
import type { EchoOrder, EchoWord } from './echo-process.ts';
import { type Figure, figureOf } from './figure.ts';
import type { LoadOrder, LoadWord } from './load-process.ts';
import { measureCached } from './measure-cached.ts';
import { measureGrants } from './measure-grants.ts';
import { measureLeases } from './measure-leases.ts';
import { residentMegabytes } from './process-facts.ts';

/** How long a mesh is left alone before its idle memory is read, and between the readings, in milliseconds. */
const idleMs = 1_000;
const idleReadings = 3;

/** Names of the figures that each part of a run with a mesh makes, as prefixes. */
export const meshParts = {
  memory: ['mem.'],
  cached: ['sidecar.', 'cpu.sidecar.cached'],
  grants: ['grant.', 'cpu.', 'disk.'],
  leases: ['lease.'],
} as const;
export type MeshPart = keyof typeof meshParts;

/**
 * Measures on one running mesh what is wanted, then stops it and proves from its files that every grant that was answered
 * stands in the store and in the log. `say` gets remarks for people.
 */
export async function measureOnMesh(
  wants: (part: MeshPart) => boolean,
  say: (remark: string) => void,
): Promise<Figure[]> {
  const bench = await BenchMesh.start();
  const figures: Figure[] = [];
  let [tokens, leases] = [0, 0];
  try {
    try {
      if (wants('memory')) figures.push(...(await measureIdle(bench)));
      if (wants('grants') || wants('cached')) tokens = await measureTokens(bench, { wants, say, figures });
      if (wants('leases')) {
        const measured = await measureLeases(bench);
        figures.push(...measured.figures);
        leases = measured.answered;
      }
    } finally {
      await bench.stop();
    }
    say(bench.proveNothingLost({ tokens, leases }));
  } finally {
    bench.remove();
  }
  return figures;
}

async function measureTokens(
  bench: BenchMesh,
  run: { wants: (part: MeshPart) => boolean; say: (remark: string) => void; figures: Figure[] },
): Promise<number> {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-echo-'));
  const load = new BenchChild<LoadOrder, LoadWord>('load-process.ts');
  const echo = new BenchChild<EchoOrder, EchoWord>('echo-process.ts');
  const question = {
    resource: 'demo-api',
    action: 'read',
    justification: 'nightly report of the warehouse, run 4711',
  };
  const sidecar = { client: 'grpc-js', address: bench.tokenAddress } as const;
  try {
    // The floor answers with what the sidecar has answered, so that sizes are the same. This is one more grant.
    const { answerBase64 } = await load.ask({ target: sidecar, question, inFlight: 1, durationMs: 0 });
    let answered = 1;
    const socket = path.join(directory, 'echo.sock');
    const tls = await pemIdentity();
    const { port } = await echo.ask({ socket, tls, answerBase64 });
    if (run.wants('cached')) {
      const bare = { client: 'grpc-js', address: `unix:${socket}` } as const;
      const pid = bench.pids.sidecar;
      run.figures.push(...(await measureCached({ load, sidecar: { ...sidecar, pid }, echo: bare })));
    }
    if (run.wants('grants')) {
      const measured = await measureGrants({
        load,
        echo: { client: 'grpc-js', address: `127.0.0.1:${port}`, tls },
        mesh: bench,
      });
      run.figures.push(...measured.figures);
      run.say(measured.share);
      answered += measured.answered;
    }
    return answered;
  } finally {
    load.stop();
    echo.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function pemIdentity() {
  const ca = await TestCa.create();
  const { svid, bundlePem } = await ca.issue('spiffe://stint.local/bench/echo');
  return { certificates: svid.certificatesPem, key: svid.privateKeyPem.revealText(), roots: bundlePem };
}

/** Memory of a mesh that has started and does nothing. */
async function measureIdle(bench: BenchMesh): Promise<Figure[]> {
  const { broker, sidecar, auditor } = bench.pids;
  const pids = { broker, sidecar, auditor };
  const readings: Record<keyof typeof pids, number>[] = [];
  for (let i = 0; i < idleReadings; i++) {
    await elapse(idleMs);
    readings.push({
      broker: residentMegabytes(broker),
      sidecar: residentMegabytes(sidecar),
      auditor: residentMegabytes(auditor),
    });
  }
  return (Object.keys(pids) as (keyof typeof pids)[]).map((part) =>
    figureOf(
      { name: `mem.${part}.idle`, unit: 'MB', better: 'lower' },
      readings.map((reading) => reading[part]),
    ),
  );
}

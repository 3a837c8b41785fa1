import type { BenchMesh } from './bench-mesh.ts';
import type { LoadTarget } from './callers.ts';
import type { BenchChild } from './child.ts';
import { flushMs } from './disk-flush.ts';
import { type Figure, figureOf, median } from './figure.ts';
import type { LoadOrder, LoadWord } from './load-process.ts';
import { cpuMicros } from './process-facts.ts';

/** Windows of each load, and the length of one in milliseconds. */
const windows = 5;
const windowMs = 2_000;

/** Calls of each contender before anything counts, for the compiler: below it a call costs several times as much. */
const warmUpCalls = 12_000;
const warmUpMsMax = 20_000;

/** Calls under way. */
const levels = [1, 16, 64] as const;
type Level = (typeof levels)[number];

/** What the load generator calls. */
export type Contenders = {
  readonly load: BenchChild<LoadOrder, LoadWord>;
  readonly echo: LoadTarget;
  readonly mesh: BenchMesh;
};

const parts = ['broker', 'sidecar', 'auditor', 'nats', 'load'] as const;
type Part = (typeof parts)[number];

/** One window of grants. `auditedSeconds` is until the last one's record stood in the log. */
type GrantWindow = LoadWord & {
  readonly auditedSeconds: number;
  readonly cpu: Readonly<Record<Part, number>>;
};
type Windows = Readonly<Record<Level, { echo: LoadWord[]; grant: GrantWindow[] }>> & {
  /** At 64, asked for with grpc-js' client. */
  readonly byGrpcJs: GrantWindow[];
};

const flushKind = { name: 'disk.flush.p50', unit: 'ms', better: 'lower' } as const;

/** Figures, and how many grants were answered while they were measured. */
export type GrantFigures = {
  readonly figures: Figure[];
  readonly answered: number;
  readonly share: string;
};

const question = {
  resource: 'demo-api',
  action: 'read',
  justification: 'nightly report of the warehouse, run 4711',
  context: { 'run.id': '4711', version: '1.4.2' },
  fresh: true,
};

/**
 * Measures grants of signed tokens, workload → sidecar → broker, each durable and in the audit log before it counts, in
 * turns with a bare echo of the same messages by mutual TLS, so that the machine's moods meet both alike.
 */
export async function measureGrants({ load, echo, mesh }: Contenders): Promise<GrantFigures> {
  const pids = { ...mesh.pids, load: load.pid };
  const order = (target: LoadTarget, inFlight: number, durationMs: number) => ({
    target,
    question,
    inFlight,
    durationMs,
  });
  let answered = 0;
  const grantWindow = async (
    inFlight: number,
    durationMs: number,
    client: LoadTarget['client'] = 'http2',
  ): Promise<GrantWindow> => {
    const before = cpuOfAll(pids);
    const startedAt = performance.now();
    const word = await load.ask(order({ client, address: mesh.tokenAddress }, inFlight, durationMs));
    await mesh.audited();
    const auditedSeconds = (performance.now() - startedAt) / 1_000;
    answered += word.calls;
    const after = cpuOfAll(pids);
    const cpu = Object.fromEntries(parts.map((part) => [part, after[part] - before[part]]));
    return { ...word, auditedSeconds, cpu: cpu as Record<Part, number> };
  };
  await warmUp((durationMs) => load.ask(order(echo, 64, durationMs)));
  await warmUp((durationMs) => grantWindow(64, durationMs, 'grpc-js'));
  await warmUp((durationMs) => grantWindow(64, durationMs));
  const taken: Windows = {
    1: { echo: [], grant: [] },
    16: { echo: [], grant: [] },
    64: { echo: [], grant: [] },
    byGrpcJs: [],
  };
  const flushes: number[] = [];
  for (let i = 0; i < windows; i++) {
    flushes.push(flushMs());
    for (const level of levels) {
      taken[level].echo.push(await load.ask(order(echo, level, windowMs)));
      taken[level].grant.push(await grantWindow(level, windowMs));
    }
    taken.byGrpcJs.push(await grantWindow(64, windowMs, 'grpc-js'));
  }
  return {
    figures: [...figuresOf(taken), figureOf(flushKind, flushes)],
    answered,
    share: shareOf(taken[64]),
  };
}

async function warmUp(run: (durationMs: number) => Promise<LoadWord>): Promise<void> {
  const startedAt = performance.now();
  for (let calls = 0; calls < warmUpCalls && performance.now() < startedAt + warmUpMsMax; )
    calls += (await run(500)).calls;
}

function cpuOfAll(pids: Readonly<Record<Part, number>>): Record<Part, number> {
  return Object.fromEntries(parts.map((part) => [part, cpuMicros(pids[part])])) as Record<Part, number>;
}

function figuresOf(taken: Windows): Figure[] {
  const rates = levels.map((level) => {
    const { echo, grant } = taken[level];
    return rateOf(`grant.jwt.c${level}`, grant, echo);
  });
  const waits = levels.flatMap((level) =>
    (['p50', 'p99'] as const).map((share) => {
      const { echo, grant } = taken[level];
      const name = level === 1 ? `grant.jwt.${share}` : `grant.jwt.c${level}.${share}`;
      const of = (words: readonly LoadWord[]) => words.map((word) => word[share]);
      return figureOf({ name, unit: 'ms', better: 'lower' }, of(grant), of(echo));
    }),
  );
  const { grant } = taken[64];
  const lags = grant.map(({ auditedSeconds, seconds }) => (auditedSeconds - seconds) * 1_000);
  const costs = parts.map((part) => {
    const micros = grant.map(({ cpu, calls }) => cpu[part] / calls);
    return figureOf({ name: `cpu.${part}.grant`, unit: 'µs', better: 'lower' }, micros);
  });
  return [
    ...rates,
    rateOf('grant.jwt.c64.grpcjs', taken.byGrpcJs, taken[64].echo),
    ...waits,
    figureOf({ name: 'grant.jwt.c64.lag', unit: 'ms', better: 'lower' }, lags),
    ...costs,
  ];
}

function rateOf(name: string, grant: readonly GrantWindow[], echo: readonly LoadWord[]): Figure {
  const rates = grant.map(({ calls, auditedSeconds }) => calls / auditedSeconds);
  const floor = echo.map(({ calls, seconds }) => calls / seconds);
  return figureOf({ name, unit: '/s', better: 'higher' }, rates, floor);
}

/** What the load generator itself takes of the machine at 64 in flight: it shares the cores with what it measures. */
function shareOf({ echo, grant }: Windows[64]): string {
  const own = median(grant.map(({ cpu, calls }) => cpu.load / calls));
  const all = median(grant.map(({ cpu, calls }) => parts.reduce((sum, part) => sum + cpu[part], 0) / calls));
  const echoed = median(echo.map(({ cpuMicros, calls }) => cpuMicros / calls));
  const percent = Math.round((own / all) * 100);
  return `the load generator takes ${own.toFixed(0)} of ${all.toFixed(0)} µs CPU a grant (${percent} %) on the same cores, and ${echoed.toFixed(0)} µs a call of the echo`;
}

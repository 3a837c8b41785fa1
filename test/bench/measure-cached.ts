import type { LoadTarget } from './callers.ts';
import type { BenchChild } from './child.ts';
import { type Figure, figureOf } from './figure.ts';
import type { LoadOrder, LoadWord } from './load-process.ts';
import { cpuMicros } from './process-facts.ts';

const windows = 7;
const windowMs = 1_000;
/** Of each contender before anything counts, in milliseconds, with many calls under way: for the compiler. */
const warmUpMs = 5_000;

const question = {
  resource: 'demo-api',
  action: 'read',
  justification: 'nightly report of the warehouse, run 4711',
};

/** One caller asks the sidecar again and again for what it has in memory, in turns with a bare echo of the same answer. */
export async function measureCached(contenders: {
  readonly load: BenchChild<LoadOrder, LoadWord>;
  readonly sidecar: LoadTarget & { readonly pid: number };
  readonly echo: LoadTarget;
}): Promise<Figure[]> {
  const { load, sidecar, echo } = contenders;
  const ask = (target: LoadTarget, { inFlight, durationMs } = { inFlight: 1, durationMs: windowMs }) =>
    load.ask({ target, question, inFlight, durationMs });
  for (const contender of [echo, sidecar]) await ask(contender, { inFlight: 16, durationMs: warmUpMs });
  const taken: { echo: LoadWord; cached: LoadWord; cpu: number }[] = [];
  for (let i = 0; i < windows; i++) {
    const echoed = await ask(echo);
    const before = cpuMicros(sidecar.pid);
    const cached = await ask(sidecar);
    taken.push({ echo: echoed, cached, cpu: (cpuMicros(sidecar.pid) - before) / cached.calls });
  }
  const waits = (['p50', 'p99'] as const).map((share) =>
    figureOf(
      { name: `sidecar.cached.${share}`, unit: 'ms', better: 'lower' },
      taken.map(({ cached }) => cached[share]),
      taken.map((window) => window.echo[share]),
    ),
  );
  const cpu = figureOf(
    { name: 'cpu.sidecar.cached', unit: 'µs', better: 'lower' },
    taken.map((window) => window.cpu),
  );
  return [...waits, cpu];
}

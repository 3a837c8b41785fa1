import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { AcquireResponse__Output } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import { services } from '@stint/common/proto.ts';
import { formatSvidState } from '@stint/common/svid-state.ts';
import { TestCa } from '../harness/test-ca.ts';
import type { Role, Word } from './sidecar-process.ts';

/** What the sidecar costs. Times in milliseconds, CPU in microseconds a call. */
export type SidecarFigures = {
  /** A bare grpc-js unix-socket echo of an Acquire answer, one call after another. */
  readonly echoP50: number;
  readonly echoP99: number;
  readonly echoCpuMicros: number;
  /** The same answer from the sidecar's memory. */
  readonly cachedP50: number;
  readonly cachedP99: number;
  readonly cachedCpuMicros: number;
  /** cachedP50 to echoP50. */
  readonly ratio: number;
  readonly calls: number;
  /** Acquire of a new lease each (signed token by the fake broker), 64 in flight: rate, median, sidecar's CPU a call. */
  readonly uncachedRate: number;
  readonly uncachedP50: number;
  readonly uncachedCpuMicros: number;
  /** CPU a call of the bare echo, 64 in flight: what the same machine makes of nothing but gRPC. */
  readonly echoBusyCpuMicros: number;
};

const rounds = 20;

/** Measures both in turns, so that the machine's moods meet both alike. Starts three processes and ends them. */
export async function measureSidecar(options: { readonly durationMs: number }): Promise<SidecarFigures> {
  const directory = mkdtempSync(path.join(tmpdir(), 'stint-bench-'));
  const children: ChildProcess[] = [];
  const start = async (role: Role) => {
    const child = fork(fileURLToPath(new URL('sidecar-process.ts', import.meta.url)));
    children.push(child);
    child.send(role);
    return { child, word: await nextWord(child) };
  };
  try {
    const ca = await TestCa.create();
    const svid = async (id: string) => formatSvidState(await ca.issue(id));
    const broker = await start({ role: 'broker', svid: await svid('spiffe://stint.local/stint/broker/b1') });
    const sockets = ['echo', 'sidecar'].map((name) => path.join(directory, name, 's')) as [string, string];
    for (const socket of sockets) mkdirSync(path.dirname(socket), { mode: 0o700 });
    const [echoSocket, sidecarSocket] = sockets;
    const port = broker.word.port ?? 0;
    const role = { role: 'sidecar', socket: sidecarSocket, port } as const;
    const sidecar = await start({ ...role, svid: await svid('spiffe://stint.local/ci/deploy') });
    const asked = caller(sidecarSocket);
    const answer = await asked.call(question);
    const echo = await start({ role: 'echo', socket: echoSocket, answer });
    const echoed = caller(echoSocket);
    const [echoRun, cachedRun] = await inTurns(
      [
        { child: echo.child, work: () => echoed.call(question) },
        { child: sidecar.child, work: () => asked.call(question) },
      ],
      options.durationMs,
    );
    const echoBusy = await busyRun(echo.child, echoed.call, options.durationMs);
    const uncached = await busyRun(sidecar.child, asked.call, options.durationMs);
    asked.close();
    echoed.close();
    return {
      echoP50: echoRun.p50,
      echoP99: echoRun.p99,
      echoCpuMicros: echoRun.cpuMicros,
      cachedP50: cachedRun.p50,
      cachedP99: cachedRun.p99,
      cachedCpuMicros: cachedRun.cpuMicros,
      ratio: cachedRun.p50 / echoRun.p50,
      calls: cachedRun.calls,
      uncachedRate: uncached.rate,
      uncachedP50: uncached.p50,
      uncachedCpuMicros: uncached.cpuMicros,
      echoBusyCpuMicros: echoBusy.cpuMicros,
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

const question: AcquireRequest = {
  resource: 'orders-api',
  action: 'read',
  justification: 'nightly report of the warehouse, run 4711',
  context: { 'run.id': '4711', version: '1.4.2' },
};

/** A bare grpc-js client: what it costs is the same for both. */
function caller(socket: string) {
  const client = new Client(`unix:${socket}`, credentials.createInsecure());
  const { path: method, requestSerialize, responseDeserialize } = services.sidecar.Acquire;
  const call = (request: AcquireRequest): Promise<AcquireResponse__Output> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(method, requestSerialize, responseDeserialize, request, (error, answer) =>
        answer === undefined ? reject(error) : resolve(answer),
      );
    });
  return { call, close: () => client.close() };
}

type Contender = { readonly child: ChildProcess; readonly work: () => Promise<unknown> };
type Run = { readonly p50: number; readonly p99: number; readonly calls: number; readonly cpuMicros: number };

async function inTurns(contenders: readonly [Contender, Contender], durationMs: number): Promise<[Run, Run]> {
  const waits: [number[], number[]] = [[], []];
  const cpu: [number, number] = [0, 0];
  for (let round = -2; round < rounds; round++) {
    for (const i of [0, 1] as const) {
      const { child, work } = contenders[i];
      const before = await cpuOf(child);
      const taken = await oneAfterAnother(work, durationMs / rounds);
      if (round < 0) continue; // the first rounds are for the compiler
      cpu[i] += (await cpuOf(child)) - before;
      waits[i].push(...taken);
    }
  }
  const run = (i: 0 | 1): Run => ({
    p50: quantile(waits[i], 0.5),
    p99: quantile(waits[i], 0.99),
    calls: waits[i].length,
    cpuMicros: cpu[i] / waits[i].length,
  });
  return [run(0), run(1)];
}

async function oneAfterAnother(work: () => Promise<unknown>, durationMs: number): Promise<number[]> {
  const waits: number[] = [];
  const end = performance.now() + durationMs;
  for (let now = performance.now(); now < end; ) {
    await work();
    const then = performance.now();
    waits.push(then - now);
    now = then;
  }
  return waits;
}

/** 64 in flight, each call for another resource. */
async function busyRun(
  child: ChildProcess,
  call: (request: AcquireRequest) => Promise<unknown>,
  durationMs: number,
): Promise<{ rate: number; p50: number; cpuMicros: number }> {
  let next = 0;
  const work = () => call({ ...question, resource: `api-${next++}` });
  const inFlight = (ms: number) =>
    Promise.all(Array.from({ length: 64 }, () => oneAfterAnother(work, ms))).then((all) => all.flat());
  await inFlight(durationMs / 4);
  const [before, startedAt] = [await cpuOf(child), performance.now()];
  const waits = await inFlight(durationMs);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuMicros = ((await cpuOf(child)) - before) / waits.length;
  return { rate: waits.length / seconds, p50: quantile(waits, 0.5), cpuMicros };
}

function quantile(waits: number[], share: number): number {
  waits.sort((a, b) => a - b);
  return waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? Number.NaN;
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  return (await nextWord(child)).cpuMicros ?? Number.NaN;
}

async function nextWord(child: ChildProcess): Promise<Word> {
  const [word] = await once(child, 'message');
  return word as Word;
}

if (import.meta.main) console.table(await measureSidecar({ durationMs: 4_000 }));

import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import { services } from '@stint/common/proto.ts';
import { callerOf, type LoadTarget } from './callers.ts';
import { answerOrders } from './child.ts';
import { quantile } from './figure.ts';

const { responseSerialize } = services.sidecar.Acquire;

/** Call for a time, with so many calls under way; or once, for the answer itself. */
export type LoadOrder = {
  readonly target: LoadTarget;
  readonly question: AcquireRequest;
  readonly inFlight: number;
  /** In milliseconds; 0 calls once. */
  readonly durationMs: number;
};

/** What a load met. Waits in milliseconds, CPU of this process in microseconds. */
export type LoadWord = {
  readonly calls: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMicros: number;
  /** The last answer, as bytes. */
  readonly answerBase64: string;
};

/** A closed loop of callers that does nothing else, so that it costs the same whoever answers. */
async function load({ target, question, inFlight, durationMs }: LoadOrder): Promise<LoadWord> {
  const call = callerOf(target, question);
  const waits: number[] = [];
  let answer: Awaited<ReturnType<typeof call>> = {};
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const caller = async () => {
    let now = performance.now();
    do {
      answer = await call();
      const then = performance.now();
      waits.push(then - now);
      now = then;
    } while (now < startedAt + durationMs);
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(before);
  return {
    calls: waits.length,
    seconds,
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
    cpuMicros: user + system,
    answerBase64: (Buffer.isBuffer(answer) ? answer : responseSerialize(answer)).toString('base64'),
  };
}

answerOrders(load);

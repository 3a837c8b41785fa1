import { randomUUID } from 'node:crypto';
import { Client, credentials } from '@grpc/grpc-js';
import type { AcquireRequest } from '@stint/common/gen/stint/sidecar/v1/AcquireRequest.ts';
import type { AcquireResponse__Output } from '@stint/common/gen/stint/sidecar/v1/AcquireResponse.ts';
import { services } from '@stint/common/proto.ts';
import { answerOrders } from './child.ts';
import type { PemIdentity } from './echo-process.ts';
import { quantile } from './figure.ts';

/** Whom to call: `unix:…` or, with an identity, an address by mutual TLS. */
export type LoadTarget = { readonly address: string; readonly tls?: PemIdentity };

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

const { path: method, requestSerialize, responseDeserialize } = services.sidecar.Acquire;
const clients = new Map<string, Client>();
const run = randomUUID();
let asked = 0;

/** A closed loop of callers that is a bare grpc-js client, so that it costs the same whoever answers. */
async function load({ target, question, inFlight, durationMs }: LoadOrder): Promise<LoadWord> {
  const client = clientOf(target);
  const waits: number[] = [];
  let answer: AcquireResponse__Output | undefined;
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const caller = async () => {
    let now = performance.now();
    do {
      answer = await call(client, { ...question, idempotencyKey: `bench-${run}-${asked++}` });
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
    answerBase64: services.sidecar.Acquire.responseSerialize(answer ?? {}).toString('base64'),
  };
}

function call(client: Client, question: AcquireRequest): Promise<AcquireResponse__Output> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(method, requestSerialize, responseDeserialize, question, (error, answer) =>
      answer === undefined ? reject(error) : resolve(answer),
    );
  });
}

function clientOf({ address, tls }: LoadTarget): Client {
  const known = clients.get(address);
  if (known !== undefined) return known;
  const security =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(Buffer.from(tls.roots), Buffer.from(tls.key), Buffer.from(tls.certificates), {
          // SPIFFE IDs stand in place of host names; the floor checks the chain and no more.
          checkServerIdentity: () => undefined,
        });
  // The name sent in the handshake, which may not be an address. Source: RFC 6066 §3.
  const client = new Client(address, security, { 'grpc.ssl_target_name_override': 'stint' });
  clients.set(address, client);
  return client;
}

answerOrders(load);

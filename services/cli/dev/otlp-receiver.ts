import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TraceForwarder } from './trace-forwarder.ts';
import type { TraceStore } from './trace-store.ts';

/** Largest export taken, in bytes; exporters send at most a few hundred spans at once. */
const bodyBytesMax = 8_388_608;

/**
 * An OTLP/HTTP receiver on loopback for the mesh that `stint dev` runs: keeps traces to print them, and hands every
 * export on to the user's own collector when there is one.
 */
export class OtlpReceiver {
  readonly #server: Server;
  readonly #store: TraceStore;
  readonly #forwarder: TraceForwarder | undefined;

  private constructor(store: TraceStore, forwarder: TraceForwarder | undefined) {
    this.#store = store;
    this.#forwarder = forwarder;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(store: TraceStore, forwarder?: TraceForwarder): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(store, forwarder);
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await this.#forwarder?.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = await this.#take(request).catch(() => 400);
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
  }

  async #take(request: IncomingMessage): Promise<number> {
    const signal = /^\/v1\/(traces|metrics|logs)$/.exec(request.url ?? '')?.[1];
    if (request.method !== 'POST' || signal === undefined) return 404;
    if (request.headers['content-type'] !== 'application/x-protobuf') return 415;
    const body = await readBody(request);
    if (body === undefined) return 413;
    if (signal === 'traces') this.#store.add(body);
    this.#forwarder?.send(signal as 'traces' | 'metrics' | 'logs', body);
    return 200;
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

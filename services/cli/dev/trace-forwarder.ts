import { connect } from 'node:http2';

/** Exports under way to the user's collector; further ones are dropped, as an exporter's own queue would. */
const pendingMax = 64;

/** How long the collector may take, in milliseconds. Source: OTEL_EXPORTER_OTLP_TIMEOUT's default. */
const sendMsMax = 10_000;

export type Signal = 'traces' | 'metrics' | 'logs';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the user's collector takes a signal, and what to send along. */
export type CollectorTarget = {
  readonly url: string;
  readonly isGrpc: boolean;
  readonly headers: Readonly<Record<string, string>>;
};

const grpcPaths: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
};

/**
 * Where the standard variables say that a signal goes; undefined when they name no endpoint.
 * Source: OpenTelemetry protocol exporter specification, "Configuration options".
 */
export function collectorTarget(signal: Signal, environment: Environment): CollectorTarget | undefined {
  const own = (name: string) =>
    environment[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`] ??
    environment[`OTEL_EXPORTER_OTLP_${name}`] ??
    '';
  const isGrpc = own('PROTOCOL') === 'grpc';
  const signalUrl = environment[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`] ?? '';
  const baseUrl = environment['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (signalUrl === '' && baseUrl === '') return undefined;
  const headers = parseHeaders(own('HEADERS'));
  if (isGrpc) return { url: signalUrl === '' ? baseUrl : signalUrl, isGrpc, headers };
  return {
    url: signalUrl === '' ? `${baseUrl.replace(/\/$/, '')}/v1/${signal}` : signalUrl,
    isGrpc,
    headers,
  };
}

function parseHeaders(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='));
  return Object.fromEntries(
    pairs.flatMap(([key = '', ...value]) =>
      key.trim() === '' ? [] : [[key.trim().toLowerCase(), decodeURIComponent(value.join('=').trim())]],
    ),
  );
}

/** Hands exports on, byte for byte, to the collector that the user's OTEL_* variables name. */
export class TraceForwarder {
  readonly #environment: Environment;
  readonly #onFailure: (message: string) => void;
  readonly #pending = new Set<Promise<void>>();
  #isFailing = false;

  constructor(environment: Environment, onFailure: (message: string) => void) {
    this.#environment = environment;
    this.#onFailure = onFailure;
  }

  /** Sends it in the background. What goes wrong is told once, until something has arrived again. */
  send(signal: Signal, body: Buffer): void {
    const target = collectorTarget(signal, this.#environment);
    if (target === undefined) return;
    if (this.#pending.size >= pendingMax) {
      this.#tell(target, `too slow: what comes while ${pendingMax} exports are under way is dropped`);
      return;
    }
    const sending = (target.isGrpc ? sendGrpc(target, signal, body) : sendHttp(target, body))
      .then(
        () => {
          this.#isFailing = false;
        },
        (fault: unknown) => this.#tell(target, fault instanceof Error ? fault.message : 'failed'),
      )
      .finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }

  #tell({ url }: CollectorTarget, fault: string): void {
    if (!this.#isFailing) this.#onFailure(`collector ${url}: ${fault}`);
    this.#isFailing = true;
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

async function sendHttp({ url, headers }: CollectorTarget, body: Buffer): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { ...headers, 'content-type': 'application/x-protobuf' },
    signal: AbortSignal.timeout(sendMsMax),
  });
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
}

/** The same bytes as one unary gRPC call: a five-byte prefix and the message. Source: gRPC over HTTP/2. */
function sendGrpc({ url, headers }: CollectorTarget, signal: Signal, body: Buffer): Promise<void> {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return new Promise((resolve, reject) => {
    const session = connect(url);
    const finish = (fault?: Error) => {
      session.destroy();
      if (fault === undefined) resolve();
      else reject(fault);
    };
    session.once('error', finish);
    session.setTimeout(sendMsMax, () => finish(new Error(`no answer within ${sendMsMax} ms`)));
    const call = session.request({
      ...headers,
      ':method': 'POST',
      ':path': grpcPaths[signal],
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status: unknown;
    call.on('response', (fields) => {
      status ??= fields['grpc-status'];
    });
    call.on('trailers', (fields) => {
      status ??= fields['grpc-status'];
    });
    call.once('error', finish);
    call.once('close', () =>
      finish(status === '0' ? undefined : new Error(`answered gRPC status ${String(status)}`)),
    );
    call.resume();
    call.end(Buffer.concat([prefix, body]));
  });
}

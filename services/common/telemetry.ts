import {
  type Attributes,
  type Context,
  type Counter,
  context,
  type Histogram,
  isSpanContextValid,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { isServiceError } from './errors.ts';
import {
  type CounterName,
  durationBuckets,
  type GaugeName,
  type HistogramName,
  metricTable,
} from './telemetry/metric-table.ts';

/** Longest that stopping waits for spans and metrics to leave, in milliseconds. */
export const telemetryFlushMsMax = 2_000;

const instrumentation = 'stint';

// One flag, read first everywhere, so that everything below costs one comparison while telemetry is off.
let isOn = false;
const counters = new Map<CounterName, Counter>();
const histograms = new Map<HistogramName, Histogram>();

/** Whether traces and metrics are being collected. Hot paths ask this before they compute anything for them. */
export function telemetryIsOn(): boolean {
  return isOn;
}

/** Running telemetry. */
export type Telemetry = { readonly isOn: boolean; stop(): Promise<void> };

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment asks to have sent. */
export type WantedSignals = { readonly traces: boolean; readonly metrics: boolean; readonly logs: boolean };

/**
 * Which signals the standard variables ask for: one whose exporter is named, or that has an endpoint to go to. Logs go to
 * stderr, so that sending them besides is asked for by name alone. Without any of them Stint sends nothing.
 */
export function wantedSignals(environment: Environment): WantedSignals {
  const isSet = (name: string) => (environment[name] ?? '') !== '';
  const isWanted = (signal: 'TRACES' | 'METRICS' | 'LOGS', endpoints: readonly string[]) => {
    if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
    const exporter = `OTEL_${signal}_EXPORTER`;
    return isSet(exporter) ? environment[exporter] !== 'none' : endpoints.some(isSet);
  };
  const endpoint = 'OTEL_EXPORTER_OTLP_ENDPOINT';
  return {
    traces: isWanted('TRACES', [endpoint, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']),
    metrics: isWanted('METRICS', [endpoint, 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT']),
    logs: isWanted('LOGS', []),
  };
}

/**
 * Starts OpenTelemetry when the environment asks for it; the SDK is not even loaded otherwise. The SDK itself reads the
 * OTEL_* variables. `service.name` is `stint-<service>` unless they name another. Call once, first thing.
 * `stop` sends what is left, for at most {@link telemetryFlushMsMax}.
 */
export async function startTelemetry(service: string, environment: Environment): Promise<Telemetry> {
  const wanted = wantedSignals(environment);
  if (!wanted.traces && !wanted.metrics && !wanted.logs)
    return { isOn: false, stop: () => Promise.resolve() };
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const named = environment['OTEL_SERVICE_NAME'] ?? '';
  const namedByAttributes = /(?:^|,)\s*service\.name\s*=/.test(environment['OTEL_RESOURCE_ATTRIBUTES'] ?? '');
  const serviceName = named !== '' ? named : namedByAttributes ? undefined : `stint-${service}`;
  // What is left out the SDK would send to where nobody may listen: its default is this machine.
  const sdk = new NodeSDK({
    ...(serviceName === undefined ? {} : { serviceName }),
    ...(wanted.traces ? {} : { spanProcessors: [] }),
    ...(wanted.metrics ? {} : { metricReaders: [] }),
    ...(wanted.logs ? {} : { logRecordProcessors: [] }),
  });
  sdk.start();
  isOn = true;
  return {
    isOn: true,
    stop: async () => {
      isOn = false;
      counters.clear();
      histograms.clear();
      // A collector that does not answer must not hold up the end of the process: what it missed is lost.
      await Promise.race([sdk.shutdown().catch(() => undefined), elapsed(telemetryFlushMsMax)]);
    },
  };
}

/** How a span is begun. */
export type SpanOptions = {
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** W3C traceparent of the work that caused this; absent: the active span. Malformed ones are as if absent. */
  readonly parent?: string | undefined;
  /** Facts known at the start. Never secrets. */
  readonly attributes?: Attributes;
};

const spanKinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Runs the work inside a span that is active for all it calls; ends the span when the work returns, resolves or
 * throws. What it throws is passed on and names the span's `error.type`. While telemetry is off this is a plain call.
 */
export function withSpan<T>(name: string, options: SpanOptions, work: (span: Span | undefined) => T): T {
  if (!isOn) return work(undefined);
  const parent = options.parent === undefined ? context.active() : contextOf(options.parent);
  const span = trace.getTracer(instrumentation).startSpan(
    name,
    {
      kind: spanKinds[options.kind ?? 'internal'],
      ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
    },
    parent,
  );
  return context.with(trace.setSpan(parent, span), () => runInSpan(span, work));
}

function runInSpan<T>(span: Span, work: (span: Span) => T): T {
  try {
    const result = work(span);
    if (!(result instanceof Promise)) {
      span.end();
      return result;
    }
    return result.then(
      (value) => {
        span.end();
        return value;
      },
      (thrown) => {
        failSpan(span, thrown);
        throw thrown;
      },
    ) as T;
  } catch (thrown) {
    failSpan(span, thrown);
    throw thrown;
  }
}

// Only the reason, never the text of an unexpected error: spans leave the machine.
function failSpan(span: Span, thrown: unknown): void {
  span.setAttribute(
    'error.type',
    isServiceError(thrown) ? thrown.reason : thrown instanceof Error ? thrown.name : 'unknown',
  );
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** The active span as a W3C traceparent; undefined while telemetry is off or nothing is active. Source: W3C Trace Context §3.2. */
export function currentTraceparent(): string | undefined {
  if (!isOn) return undefined;
  const active = trace.getSpanContext(context.active());
  if (active === undefined || !isSpanContextValid(active)) return undefined;
  return `00-${active.traceId}-${active.spanId}-${active.traceFlags.toString(16).padStart(2, '0')}`;
}

/** The ids inside a traceparent, as events carry them; undefined when it is malformed. Works with telemetry off too. */
export function traceIdsOf(
  traceparent: string | undefined,
): { readonly trace_id: string; readonly span_id: string } | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? '');
  if (
    match === null ||
    match[0].startsWith('ff') ||
    /^0+$/.test(match[1] ?? '') ||
    /^0+$/.test(match[2] ?? '')
  )
    return undefined;
  return { trace_id: match[1] ?? '', span_id: match[2] ?? '' };
}

function contextOf(traceparent: string): Context {
  const ids = traceIdsOf(traceparent);
  if (ids === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(traceparent.slice(-2), 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: ids.trace_id,
    spanId: ids.span_id,
    traceFlags,
    isRemote: true,
  });
}

/** Adds to a counter. */
export function count(name: CounterName, attributes: Attributes = {}, by = 1): void {
  if (!isOn) return;
  let counter = counters.get(name);
  if (counter === undefined) {
    const { unit, description } = metricTable[name];
    counter = metrics.getMeter(instrumentation).createCounter(name, { unit, description });
    counters.set(name, counter);
  }
  counter.add(by, attributes);
}

/** Records one duration, in seconds. */
export function measure(name: HistogramName, seconds: number, attributes: Attributes = {}): void {
  if (!isOn) return;
  let histogram = histograms.get(name);
  if (histogram === undefined) {
    const { unit, description } = metricTable[name];
    const advice = { explicitBucketBoundaries: durationBuckets };
    histogram = metrics.getMeter(instrumentation).createHistogram(name, { unit, description, advice });
    histograms.set(name, histogram);
  }
  histogram.record(seconds, attributes);
}

/** Has a gauge read whenever metrics are collected. Call once, after {@link startTelemetry}; nothing happens while it is off. */
export function gauge(name: GaugeName, read: () => number | undefined | Promise<number | undefined>): void {
  if (!isOn) return;
  const { unit, description } = metricTable[name];
  metrics
    .getMeter(instrumentation)
    .createObservableGauge(name, { unit, description })
    .addCallback(async (result) => {
      const value = await read();
      if (value !== undefined) result.observe(value);
    });
}

function elapsed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

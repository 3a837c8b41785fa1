import type { TraceSpan__Output } from '@stint/common/gen/stint/dev/v1/TraceSpan.ts';
import { codecs } from '@stint/common/proto.ts';

/** Traces and spans kept: enough for a story and a few commands after it. The oldest trace goes first. */
const tracesMax = 100;
const spansPerTraceMax = 2_000;

/** One finished piece of work. Times in milliseconds since 1970, with fractions. */
export type Span = {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly service: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
};

/** The newest traces, by trace id, as they came in. */
export class TraceStore {
  readonly #traces = new Map<string, Map<string, Span>>();

  /**
   * Takes one export: the body of an OTLP/HTTP request in protobuf. Attacker-controlled.
   * @throws Error when it is not one.
   */
  add(body: Uint8Array): void {
    for (const { resource, scopeSpans } of codecs.tracesExport.decode(body).resourceSpans) {
      const name = resource?.attributes.find((attribute) => attribute.key === 'service.name');
      const service = name?.value?.stringValue ?? 'unknown';
      for (const { spans } of scopeSpans) for (const span of spans) this.#keep(span, service);
    }
  }

  /** Spans of a trace, as they came in. */
  spans(traceId: string): readonly Span[] {
    return [...(this.#traces.get(traceId)?.values() ?? [])];
  }

  #keep(span: TraceSpan__Output, service: string): void {
    const traceId = span.traceId.toString('hex');
    const trace = this.#traces.get(traceId) ?? this.#begin(traceId);
    if (trace.size >= spansPerTraceMax) return;
    const parentId = span.parentSpanId.toString('hex');
    const id = span.spanId.toString('hex');
    trace.set(id, {
      id,
      parentId: parentId === '' ? undefined : parentId,
      service,
      name: span.name,
      startMs: span.startTimeUnixNano / 1e6,
      endMs: span.endTimeUnixNano / 1e6,
      isError: span.status?.code === 2,
    });
  }

  #begin(traceId: string): Map<string, Span> {
    const oldest = this.#traces.keys().next().value;
    if (this.#traces.size >= tracesMax && oldest !== undefined) this.#traces.delete(oldest);
    const trace = new Map<string, Span>();
    this.#traces.set(traceId, trace);
    return trace;
  }
}

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Scope } from './temp-dir.ts';

type Attribute = { key: string; value: { stringValue?: string } };

/** A span as it came, in OTLP's own words. */
export type ReceivedSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  status: { code?: number };
  attributes: Attribute[];
};

/** A point of a metric: its value, or how many were measured and what they come to. */
export type ReceivedPoint = {
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
  readonly sum?: number;
};

/** What has come so far. Of a metric, its unit and its points as they last came, by service. */
export type Received = {
  services: Set<string>;
  spans: ReceivedSpan[];
  metrics: Map<string, { readonly unit: string; readonly points: readonly ReceivedPoint[] }>;
  logs: number;
};

/** Has a program send everything there, metrics twice a second. */
export function otlpEnvironment(endpoint: string): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_METRIC_EXPORT_TIMEOUT: '400',
  };
}

/** A collector that takes OTLP as JSON over HTTP. `service` limits the metrics it keeps to those of one service. */
export async function otlpCollector(
  scope: Scope,
  service?: string,
): Promise<{ endpoint: string; received: Received }> {
  const received: Received = { services: new Set(), spans: [], metrics: new Map(), logs: 0 };
  const server = createServer(async (request, response) => {
    take(received, { path: request.url ?? '', body: await bodyOf(request), service });
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => void server.close());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function take(
  received: Received,
  { path, body, service }: { path: string; body: string; service: string | undefined },
): void {
  const message = JSON.parse(body);
  for (const group of message.resourceSpans ?? message.resourceMetrics ?? []) {
    const { 'service.name': name = '' } = attributesOf(group.resource.attributes);
    received.services.add(name);
    for (const scope of group.scopeSpans ?? []) received.spans.push(...scope.spans);
    if (service !== undefined && name !== service) continue;
    for (const scope of group.scopeMetrics ?? [])
      for (const metric of scope.metrics) takeMetric(received, metric);
  }
  if (path === '/v1/logs') received.logs++;
}

type Points = {
  dataPoints: {
    attributes: Attribute[];
    asInt?: string;
    asDouble?: number;
    count?: string;
    sum?: number;
  }[];
};
type Metric = { name: string; unit: string; sum?: Points; gauge?: Points; histogram?: Points };

function takeMetric(received: Received, { name, unit, ...kinds }: Metric): void {
  const { dataPoints } = kinds.sum ?? kinds.gauge ?? kinds.histogram ?? { dataPoints: [] };
  const points = dataPoints.map(({ attributes, asInt, asDouble, count, sum }) => ({
    attributes: attributesOf(attributes),
    value: Number(asInt ?? asDouble ?? count),
    ...(sum === undefined ? {} : { sum }),
  }));
  received.metrics.set(name, { unit, points });
}

function attributesOf(attributes: readonly Attribute[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? '']));
}

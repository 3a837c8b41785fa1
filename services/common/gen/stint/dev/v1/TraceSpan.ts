// Original file: stint/dev/v1/otlp.proto

import type { SpanAttribute as _stint_dev_v1_SpanAttribute, SpanAttribute__Output as _stint_dev_v1_SpanAttribute__Output } from '../../../stint/dev/v1/SpanAttribute.ts';
import type { SpanStatus as _stint_dev_v1_SpanStatus, SpanStatus__Output as _stint_dev_v1_SpanStatus__Output } from '../../../stint/dev/v1/SpanStatus.ts';
import type { Long } from '@grpc/proto-loader';

export interface TraceSpan {
  'traceId'?: (Buffer | Uint8Array | string);
  'spanId'?: (Buffer | Uint8Array | string);
  'parentSpanId'?: (Buffer | Uint8Array | string);
  'name'?: (string);
  'startTimeUnixNano'?: (number | string | Long);
  'endTimeUnixNano'?: (number | string | Long);
  'attributes'?: (_stint_dev_v1_SpanAttribute)[];
  'status'?: (_stint_dev_v1_SpanStatus | null);
}

export interface TraceSpan__Output {
  'traceId': (Buffer);
  'spanId': (Buffer);
  'parentSpanId': (Buffer);
  'name': (string);
  'startTimeUnixNano': (number);
  'endTimeUnixNano': (number);
  'attributes': (_stint_dev_v1_SpanAttribute__Output)[];
  'status': (_stint_dev_v1_SpanStatus__Output | null);
}

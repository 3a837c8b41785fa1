// Original file: stint/dev/v1/otlp.proto

import type { Long } from '@grpc/proto-loader';

export interface SpanAttributeValue {
  'stringValue'?: (string);
  'boolValue'?: (boolean);
  'intValue'?: (number | string | Long);
  'doubleValue'?: (number | string);
  'value'?: "stringValue"|"boolValue"|"intValue"|"doubleValue";
}

export interface SpanAttributeValue__Output {
  'stringValue'?: (string);
  'boolValue'?: (boolean);
  'intValue'?: (number);
  'doubleValue'?: (number);
  'value'?: "stringValue"|"boolValue"|"intValue"|"doubleValue";
}

// Original file: stint/dev/v1/otlp.proto

import type { SpanAttributeValue as _stint_dev_v1_SpanAttributeValue, SpanAttributeValue__Output as _stint_dev_v1_SpanAttributeValue__Output } from '../../../stint/dev/v1/SpanAttributeValue.ts';

export interface SpanAttribute {
  'key'?: (string);
  'value'?: (_stint_dev_v1_SpanAttributeValue | null);
}

export interface SpanAttribute__Output {
  'key': (string);
  'value': (_stint_dev_v1_SpanAttributeValue__Output | null);
}

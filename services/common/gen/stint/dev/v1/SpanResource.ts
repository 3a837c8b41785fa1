// Original file: stint/dev/v1/otlp.proto

import type { SpanAttribute as _stint_dev_v1_SpanAttribute, SpanAttribute__Output as _stint_dev_v1_SpanAttribute__Output } from '../../../stint/dev/v1/SpanAttribute.ts';

export interface SpanResource {
  'attributes'?: (_stint_dev_v1_SpanAttribute)[];
}

export interface SpanResource__Output {
  'attributes': (_stint_dev_v1_SpanAttribute__Output)[];
}
